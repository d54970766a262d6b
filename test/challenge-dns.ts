/**
 * The DNS server of ACME servers in tests: it has the addresses and TXT records that a test says, and asks
 * nobody.
 */
import { createSocket } from 'node:dgram'
import { type AddressInfo, createServer, type Socket } from 'node:net'

type ChallengeDns = {
  /** The addresses of names. */
  names: Map<string, string>
  /** Where it answers, by UDP and TCP. */
  at: string
  close(): void
}

const TYPE = { a: 1, txt: 16 }

/** Answers A and TXT questions, all others with nothing. */
export async function startChallengeDns(
  address: string,
  textOf: (name: string) => string | undefined,
): Promise<ChallengeDns> {
  const names = new Map<string, string>()
  const answer = (question: Buffer): Buffer => answerOf(question, names, textOf)
  const byTcp = createServer((socket) => answerByTcp(socket, answer))
  await new Promise<void>((resolve) => void byTcp.listen(0, address, resolve))
  const { port } = byTcp.address() as AddressInfo
  const byUdp = createSocket('udp4', (question, from) =>
    byUdp.send(answer(question), from.port, from.address),
  )
  await new Promise<void>((resolve) => void byUdp.bind(port, address, resolve))
  return {
    names,
    at: `${address}:${port}`,
    close() {
      byTcp.close()
      byUdp.close()
    },
  }
}

/** Two octets of length, then the question; so the answers. */
function answerByTcp(socket: Socket, answer: (question: Buffer) => Buffer): void {
  let got = Buffer.alloc(0)
  socket.on('error', () => undefined)
  socket.on('data', (bytes: Buffer) => {
    got = Buffer.concat([got, bytes])
    while (got.length >= 2 && got.length >= 2 + got.readUInt16BE(0)) {
      const question = got.subarray(2, 2 + got.readUInt16BE(0))
      got = got.subarray(2 + question.length)
      const said = answer(question)
      socket.write(Buffer.concat([Buffer.of(said.length >> 8, said.length & 0xff), said]))
    }
  })
}

function answerOf(
  question: Buffer,
  names: Map<string, string>,
  textOf: (name: string) => string | undefined,
): Buffer {
  const labels: string[] = []
  let at = 12
  for (; question[at] !== 0; at += question[at]! + 1)
    labels.push(question.toString('latin1', at + 1, at + 1 + question[at]!))
  const type = question.readUInt16BE(at + 1)
  const name = labels.join('.').toLowerCase()
  const [ip, text] = [names.get(name), textOf(name)]
  const data =
    type === TYPE.a && ip !== undefined
      ? Buffer.from(ip.split('.').map(Number))
      : type === TYPE.txt && text !== undefined
        ? Buffer.concat([Buffer.of(text.length), Buffer.from(text)])
        : undefined
  const head = Buffer.from(question.subarray(0, 12))
  head.writeUInt16BE(0x8180, 2)
  head.writeUInt16BE(data === undefined ? 0 : 1, 6)
  head.writeUInt32BE(0, 8)
  const asked = question.subarray(12, at + 5)
  const answer = data && Buffer.concat([Buffer.of(0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length), data])
  return Buffer.concat([head, asked, answer ?? Buffer.alloc(0)])
}
