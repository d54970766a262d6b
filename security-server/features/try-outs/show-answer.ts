/** The answer of a service as it is shown to a person: its beginning, and how much there is. */
import { isUtf8 } from 'node:buffer'
import type { Content } from '../../message/body.ts'
import type { SentAnswer } from './needs.ts'

/** More than this is for a program to read. */
const MAX_SHOWN = 256 * 1024

type Shown = {
  status: number
  headers: { name: string; value: string }[]
  /** `text` is in base64 where the bytes are no text. */
  body: { size: number; text: string; encoding: 'text' | 'base64'; isCut: boolean }
}

export async function showAnswer({ status, headers, body }: SentAnswer): Promise<Shown> {
  const size = body?.size ?? 0
  const bytes = body === undefined ? Buffer.alloc(0) : await readContent(body, MAX_SHOWN)
  const text = textOf(bytes, size > bytes.length)
  return {
    status,
    headers: headers.map(([name, value]) => ({ name, value })),
    body: {
      ...{ size, isCut: size > bytes.length },
      ...(text === undefined
        ? { text: bytes.toString('base64'), encoding: 'base64' }
        : { text, encoding: 'text' }),
    },
  }
}

/** At most the first `most` bytes. */
export async function readContent(content: Content, most: number): Promise<Buffer> {
  if (content.bytes !== undefined) return content.bytes.subarray(0, most)
  const pieces: Buffer[] = []
  let length = 0
  const source = content.open()
  for await (const piece of source) {
    pieces.push(piece as Buffer)
    length += (piece as Buffer).length
    if (length >= most) break
  }
  source.destroy()
  return Buffer.concat(pieces).subarray(0, most)
}

/** A cut may go through a character: the last three bytes may belong to one. */
function textOf(bytes: Buffer, isCut: boolean): string | undefined {
  for (let less = 0; less <= (isCut ? 3 : 0); less++) {
    const whole = bytes.subarray(0, bytes.length - less)
    if (isUtf8(whole)) return whole.toString('utf8').replaceAll('\0', '\ufffd')
  }
  return undefined
}
