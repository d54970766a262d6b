/**
 * A pool of memory for octets that are needed for a short time. The system gives fresh memory page by page,
 * each with a fault: a tenth of what a main thread did for bodies of 1 MB. What is given back is cleared and
 * used again, by this thread alone; an old view of it shows nothing.
 */

const UNIT = 64 * 1024
/** The last one for a body of 1 MiB with what stands around it in a message. */
const SIZES = [1, 2, 4, 8, 12, 17].map((units) => units * UNIT)
/** What is kept for later, at most. */
const MOST_KEPT = 8 * 1024 * 1024

const kept = new Map<number, ArrayBuffer[]>(SIZES.map((size) => [size, []]))
let keptOctets = 0

/** So many octets, at the start of memory that may be larger. */
export function takeMemory(octets: number): Buffer {
  const size = SIZES.find((one) => one >= octets)
  const again = size === undefined ? undefined : kept.get(size)!.pop()
  if (again === undefined) return Buffer.from(Buffer.allocUnsafeSlow(size ?? octets).buffer, 0, octets)
  keptOctets -= again.byteLength
  return Buffer.from(again, 0, octets)
}

/** Ends what `takeMemory` gave, and all slices of it. No read or write of it may be under way. */
export function giveMemoryBack(bytes: Buffer): void {
  const given = bytes.buffer as ArrayBuffer
  if (given.detached) return
  const { length } = bytes
  const again = given.transfer()
  const fitting = kept.get(again.byteLength)
  if (fitting === undefined || keptOctets + again.byteLength > MOST_KEPT) {
    again.transfer(0)
    return
  }
  // Plaintext must not outlive the data that erasure deletes.
  new Uint8Array(again, 0, length).fill(0)
  fitting.push(again)
  keptOctets += again.byteLength
}
