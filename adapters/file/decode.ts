/**
 * Bytes to text, by the encoding of the settings alone: bytes that it does not have are a broken file, and no
 * replacement.
 */
import { BrokenFile } from './read-file.ts'

// In the middle of a text a byte order mark comes of files that were put together; NUL of another encoding.
const NOT_TEXT = /[\u0000\ufeff]/
/**
 * Bytes that an older encoding has no character for can come out as these: those of windows-949 beyond EUC-KR
 * do.
 */
const NO_CHARACTER = /[\u0080-\u009f]/
const UNICODE = /^utf-/

/** The text in pieces, without a byte order mark at its beginning. Throws BrokenFile. */
export async function* decode(chunks: AsyncIterable<Buffer>, encoding: string): AsyncGenerator<string, void> {
  const decoder = new TextDecoder(encoding, { fatal: true })
  const take = (chunk?: Buffer): string => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined })
    } catch (cause) {
      throw new BrokenFile(`its file is not ${encoding}`, cause)
    }
  }
  for await (const chunk of chunks) yield checked(take(chunk), encoding)
  yield checked(take(), encoding)
}

function checked(text: string, encoding: string): string {
  if (!UNICODE.test(encoding) && NO_CHARACTER.test(text)) throw new BrokenFile(`its file is not ${encoding}`)
  if (NOT_TEXT.test(text))
    throw new BrokenFile('its file has a NUL, or a byte order mark that is not at its beginning')
  return text
}
