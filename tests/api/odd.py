"""What nobody means to send, one of a kind each: JSON, bodies, parts of paths, values in queries, headers."""

NOBODY = "0" * 32

ODD_JSON = (
    *("1e999", "-1e999", "9" * 400, str(2**63), str(2**31), "-1", "0", "1.0", "1.5", "true", "null", "NaN", "[]", "{}"),
    *('""', '" "', '"7"', '"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\u0663"', '"' + "x" * 60_000 + '"', '"é\\n\\t"'),
    *('"' + "9" * 400 + '"', "[" * 5_000 + "]" * 5_000, '{"a":' * 5_000 + "1" + "}" * 5_000, "[null]", '{"a":1,"a":2}'),
    *('"9999-12-31T23:59:60Z"', '"9999-12-31T23:59:59-14:00"', '"0001-01-01T00:00:00+14:00"', '"2024-01-01T00:00:00"'),
    *('"2016-12-31T23:59:60Z"', '"2024-01-01T00:00:00+99:99"', '"2024-13-01T00:00:00Z"', '"1e3"', "1e3", "01", "-0"),
    *('"mem_x"', f'"acc_{NOBODY}"', '"ext:"', '"ext:\\u0000"', '"ext:' + "y" * 5_000 + '"', f'"mem_{NOBODY}_1"'),
    *(
        '"\\ud83d\\ude00"',
        '{"amount":1}',
        '{"amount":9007199254740993,"currency":"USD"}',
        '{"amount":-1,"currency":"USD"}',
    ),
    *(
        '{"amount":1,"currency":"EUR"}',
        '{"amount":1,"currency":"\\u0000"}',
        '["a","\\u0000"]',
        '"https://[::1"',
        '"http://é"',
    ),
)
ODD_BODIES = (
    *(b"", b" ", b"{", b"}", b"[]", b"1", b'""', b"null", b"{}{}", b'{"a":1,}', b"\xff", b"\xef\xbb\xbf{}", b"\x00"),
    *(
        b'{"a":"\xff"}',
        b'{"\xed\xa0\x80":1}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"":1}',
        b'{"\\ud800":1}',
        b"{'a':1}",
    ),
    *(b'{"' + b"x" * 5_000 + b'":1}', b'{"a`b":1}', b'{"x - at `$.y`":1}', b"\xfe\xff\x00{\x00}", b"a=1&b=2"),
)
ODD_PARTS = (
    *(
        b"x",
        b"%00",
        b"%ff",
        b"%zz",
        b"%",
        b"%2",
        b"%2F",
        b"%2f%2F",
        b"..",
        b".",
        b"%2e%2e",
        b"%ED%A0%80",
        b"ext:",
        b"ext:%2F",
    ),
    *(
        b"ext:%00",
        b"ext:%ff",
        b"a" * 5_000,
        b"acc_" + b"0" * 32,
        b"\xff",
        b"\xc3\xa9",
        b"%C3%A9",
        b"",
        b" ",
        b"{account_id}",
        b"-1",
    ),
)
ODD_VALUES = (
    *(
        b"",
        b"-1",
        b"0",
        b"501",
        b"1e3",
        b"1.0",
        b"%D9%A3",
        b"9" * 400,
        b"x",
        b"%00",
        b"%ff",
        b"%ED%A0%80",
        b"%",
        b"%zz",
        b"+1",
        b"true",
    ),
    *(
        b"5",
        b"2024-01-01T00:00:00",
        b"2024-01-01",
        b"9999-12-31T23:59:59Z",
        b"0001-01-01T00:00:00Z",
        b"2016-12-31T23:59:60Z",
    ),
    *(
        b"2024-01-01T00:00:00%2B14:00",
        b"2024-01-01T00:00:00Z",
        b"infinity",
        b"inf",
        b"NaN",
        b"1e999",
        b"1" * 18,
        b"2147483648",
        b"null",
    ),
    *(
        b"a" * 5_000,
        b"spend",
        b"open",
        b"ext:",
        b"0_1",
        b"1_" + b"0" * 32 + b"_1",
        b"f" * 32,
        b"%F0%9F%98%80",
        b"'%22;--",
        b"%25_!",
    ),
)
ODD_HEADERS = (
    *(
        (b"idempotency-key", each)
        for each in (b"", b"x" * 300, b"\xff\xfe", b"a\x00b", b"\x1b[0m", b"\xc3\xa9", b"k" * 100_000)
    ),
    *(
        (b"content-type", each)
        for each in (b"", b"text/plain", b"application/xml", b"multipart/form-data", b"\xff", b"a" * 5_000)
    ),
    *(
        (b"content-type", each)
        for each in (b"application/x-www-form-urlencoded", b"application/json; charset=utf-16", b"application/msgpack")
    ),
    *(
        (b"accept", each)
        for each in (b"", b"text/csv", b"\xff", b"*/*;q=x", b"text/csv;q=1e999", b";;;,,,", b"a/b/c", b"a" * 5_000)
    ),
    *((b"content-length", each) for each in (b"", b"x", b"-1", b"9" * 400)),
    *(
        (b"authorization", b""),
        (b"cookie", b"\xff=\xff; =;"),
        (b"host", b"\xff"),
        (b"x-forwarded-for", b"\xff"),
        (b"range", b"bytes=0-"),
    ),
)
