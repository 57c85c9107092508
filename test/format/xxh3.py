"""XXH3-64 with a seed, from its specification (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md).
Plain and slow: for checking small files."""
import struct

MASK = 2**64 - 1
P32 = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D)
P64 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)
MIX1, MIX2 = 0x165667919E3779F9, 0x9FB21C651E98DF25
SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e")


def r32(data, at=0):
    return struct.unpack_from("<I", data, at)[0]


def r64(data, at=0):
    return struct.unpack_from("<Q", data, at)[0]


def rotl(v, n):
    return (v << n | v >> 64 - n) & MASK


def swapped(v, size):
    return int.from_bytes(v.to_bytes(size, "little"), "big")


def fold(a, b):
    product = a * b
    return (product ^ product >> 64) & MASK


def avalanche(h):
    h = (h ^ h >> 37) * MIX1 & MASK
    return h ^ h >> 32


def avalanche64(h):
    h = (h ^ h >> 33) * P64[1] & MASK
    h = (h ^ h >> 29) * P64[2] & MASK
    return h ^ h >> 32


def short(data, seed):
    n = len(data)
    if n == 0:
        return avalanche64(seed ^ r64(SECRET, 56) ^ r64(SECRET, 64))
    if n <= 3:
        combined = data[0] << 16 | data[n >> 1] << 24 | data[-1] | n << 8
        return avalanche64(combined ^ (r32(SECRET) ^ r32(SECRET, 4)) + seed & MASK)
    if n <= 8:
        seed ^= swapped(seed & 0xFFFFFFFF, 4) << 32
        key = (r64(SECRET, 8) ^ r64(SECRET, 16)) - seed & MASK
        h = r32(data, n - 4) + (r32(data) << 32) ^ key
        h ^= rotl(h, 49) ^ rotl(h, 24)
        h = h * MIX2 & MASK
        h ^= (h >> 35) + n
        h = h * MIX2 & MASK
        return h ^ h >> 28
    low = r64(data) ^ (r64(SECRET, 24) ^ r64(SECRET, 32)) + seed & MASK
    high = r64(data, n - 8) ^ (r64(SECRET, 40) ^ r64(SECRET, 48)) - seed & MASK
    return avalanche(n + swapped(low, 8) + high + fold(low, high) & MASK)


def mix16(data, at, key, seed):
    return fold(r64(data, at) ^ r64(SECRET, key) + seed & MASK,
                r64(data, at + 8) ^ r64(SECRET, key + 8) - seed & MASK)


def middle(data, seed):
    n = len(data)
    total = n * P64[0]
    if n <= 128:
        for i in range((n - 1) // 32, -1, -1):
            total += mix16(data, 16 * i, 32 * i, seed) + mix16(data, n - 16 * (i + 1), 32 * i + 16, seed)
        return avalanche(total & MASK)
    for i in range(8):
        total += mix16(data, 16 * i, 16 * i, seed)
    total = avalanche(total & MASK)
    for i in range(8, n // 16):
        total += mix16(data, 16 * i, 16 * (i - 8) + 3, seed)
    return avalanche(total + mix16(data, n - 16, 136 - 17, seed) & MASK)


def accumulate(lanes, data, at, secret, key):
    values = struct.unpack_from("<8Q", data, at)
    keys = struct.unpack_from("<8Q", secret, key)
    for i in range(8):
        mixed = values[i] ^ keys[i]
        lanes[i ^ 1] = lanes[i ^ 1] + values[i] & MASK
        lanes[i] = lanes[i] + (mixed & 0xFFFFFFFF) * (mixed >> 32) & MASK


def long(data, seed):
    secret = b"".join(struct.pack("<QQ", r64(SECRET, i) + seed & MASK, r64(SECRET, i + 8) - seed & MASK)
                      for i in range(0, 192, 16))
    lanes = [P32[2], P64[0], P64[1], P64[2], P64[3], P32[1], P64[4], P32[0]]
    n = len(data)
    blocks = (n - 1) // 1024
    for block in range(blocks):
        for stripe in range(16):
            accumulate(lanes, data, 1024 * block + 64 * stripe, secret, 8 * stripe)
        keys = struct.unpack_from("<8Q", secret, 128)
        lanes = [((v ^ v >> 47) ^ k) * P32[0] & MASK for v, k in zip(lanes, keys)]
    for stripe in range((n - 1 - 1024 * blocks) // 64):
        accumulate(lanes, data, 1024 * blocks + 64 * stripe, secret, 8 * stripe)
    accumulate(lanes, data, n - 64, secret, 192 - 64 - 7)
    total = n * P64[0]
    for i in range(4):
        total += fold(lanes[2 * i] ^ r64(secret, 11 + 16 * i), lanes[2 * i + 1] ^ r64(secret, 19 + 16 * i))
    return avalanche(total & MASK)


def xxh3_64(data, seed=0):
    if len(data) <= 16:
        return short(data, seed)
    return middle(data, seed) if len(data) <= 240 else long(data, seed)
