/** MurmurHash2 of 32 bits, by which Kafka's own clients find the partition of a key. */

const SEED = 0x9747b28c
const M = 0x5bd1e995

export function murmur2(bytes: Buffer): number {
  let hash = SEED ^ bytes.length
  const whole = bytes.length - (bytes.length % 4)
  for (let at = 0; at < whole; at += 4) {
    let part = Math.imul(bytes.readInt32LE(at), M)
    part = Math.imul(part ^ (part >>> 24), M)
    hash = Math.imul(hash, M) ^ part
  }
  if (bytes.length > whole) hash = Math.imul(hash ^ bytes.readUIntLE(whole, bytes.length - whole), M)
  hash = Math.imul(hash ^ (hash >>> 13), M)
  return hash ^ (hash >>> 15)
}
