/** Answers for the names of a cluster's Services (RFC 1035), in the place of its name server. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'

const ADDRESS = 1
const NO_SUCH_NAME = 3
const SECONDS = 5

/** `addressesOf` knows names without the last dot; undefined where there is none. */
export async function serveNames(
  at: string,
  addressesOf: (name: string) => Promise<string[] | undefined>,
): Promise<{ close(): void }> {
  const socket = createSocket('udp4')
  socket.on('message', (question, { address, port }) => {
    void answer(question, addressesOf).then((reply) => socket.send(reply, port, address))
  })
  socket.bind(53, at)
  await once(socket, 'listening')
  return { close: () => socket.close() }
}

async function answer(
  question: Buffer,
  addressesOf: (name: string) => Promise<string[] | undefined>,
): Promise<Buffer> {
  const labels: string[] = []
  let at = 12
  for (let length = question[at]!; length > 0; length = question[at]!) {
    labels.push(
      question
        .subarray(at + 1, at + 1 + length)
        .toString('latin1')
        .toLowerCase(),
    )
    at += length + 1
  }
  const end = at + 5
  const known = await addressesOf(labels.join('.'))
  const addresses = question.readUInt16BE(at + 1) === ADDRESS ? (known ?? []) : []
  const head = Buffer.from(question.subarray(0, 12))
  // An answer, authoritative, to a question of which nothing but its first part is repeated.
  head.writeUInt16BE(
    0x8400 | (question.readUInt16BE(2) & 0x0100) | (known === undefined ? NO_SUCH_NAME : 0),
    2,
  )
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(addresses.length, 6)
  head.fill(0, 8)
  const records = addresses.map((address) => {
    const record = Buffer.alloc(16)
    record.writeUInt16BE(0xc00c, 0)
    record.writeUInt16BE(ADDRESS, 2)
    record.writeUInt16BE(1, 4)
    record.writeUInt32BE(SECONDS, 6)
    record.writeUInt16BE(4, 10)
    for (const [n, part] of address.split('.').entries()) record[12 + n] = Number(part)
    return record
  })
  return Buffer.concat([head, question.subarray(12, end), ...records])
}
