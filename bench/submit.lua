-- wrk's part of the measures over HTTP: sends each proposal once, the next account's to the next of its jobs, under an
-- idempotency key of its own. Arguments: a file (the API key, then accounts, then jobs, a line each), the number of
-- the first proposal, how many times over the accounts may be gone through, and how many proposals a call has.

local accounts, jobs = {}, {}
local at, times, each

function init(args)
  local file = assert(io.open(args[1]))
  wrk.headers["Authorization"] = "Bearer " .. file:read("*l")
  wrk.headers["Content-Type"] = "application/json"
  for line in file:lines() do
    local list = line:sub(1, 4) == "acc_" and accounts or jobs
    list[#list + 1] = line
  end
  file:close()
  at, times, each = tonumber(args[2]), tonumber(args[3]), tonumber(args[4])
end

local letter = '"cover_letter":"I drew three logos for bakeries last year, and could begin on Monday.",'
  .. '"bid":{"amount":28000,"currency":"USD"}'

local function next_pair()
  local number, time = at % #accounts, math.floor(at / #accounts)
  at = at + 1
  return accounts[number + 1], jobs[(number * times + time) % #jobs + 1]
end

function request()
  wrk.headers["Idempotency-Key"] = "bench-" .. at
  if each == 1 then
    local account, job = next_pair()
    return wrk.format("POST", "/v1/jobs/" .. job .. "/proposals", nil, '{"account_id":"' .. account .. '",' .. letter .. "}")
  end
  local proposals = {}
  for number = 1, each do
    local account, job = next_pair()
    proposals[number] = '{"job_id":"' .. job .. '","account_id":"' .. account .. '",' .. letter .. "}"
  end
  return wrk.format("POST", "/v1/proposals:batch", nil, '{"proposals":[' .. table.concat(proposals, ",") .. "]}")
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"answered": %d, "seconds": %f, "refused": %d, "failed": %d, "p50": %f, "p99": %f}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3
  ))
end
