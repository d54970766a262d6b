/**
 * Reads a Java properties file (java.util.Properties, "load"): comments, separators, continued lines,
 * escapes. A key that stands twice keeps its last value, as Java has it.
 */
import { Fault } from '#schemas/fault.ts'

const MAX_BYTES = 1024 * 1024
/** The key ends at the first separator that is not escaped. */
const ENTRY = /^((?:[^\\=:\s]|\\.)*)[ \t\f]*(?:[=:][ \t\f]*)?(.*)$/s
const ESCAPED: Record<string, string> = { t: '\t', n: '\n', r: '\r', f: '\f' }

/** Values without white space at their ends. Throws `invalid_configuration`. */
export function readProperties(bytes: Buffer, file: string): Map<string, string> {
  if (bytes.length > MAX_BYTES)
    throw new Fault('invalid_configuration', { what: `${file} is larger than ${MAX_BYTES} bytes` })
  const found = new Map<string, string>()
  let whole = ''
  for (const natural of bytes.toString('utf8').split(/\r\n|\r|\n/)) {
    const line = natural.replace(/^[ \t\f]+/, '')
    if (whole === '' && (line === '' || line.startsWith('#') || line.startsWith('!'))) continue
    if (isContinued(line)) {
      whole += line.slice(0, -1)
      continue
    }
    add(whole + line, found)
    whole = ''
  }
  if (whole !== '') add(whole, found)
  return found
}

function add(line: string, found: Map<string, string>): void {
  const [, key = '', value = ''] = ENTRY.exec(line) ?? []
  found.set(plain(key), plain(value).trim())
}

/** By an odd number of backslashes at its end. */
function isContinued(line: string): boolean {
  let marks = 0
  while (line[line.length - 1 - marks] === '\\') marks++
  return marks % 2 === 1
}

function plain(text: string): string {
  return text.replace(/\\(?:u([0-9A-Fa-f]{4})|(.))/gs, (_, code: string | undefined, mark: string) =>
    code === undefined ? (ESCAPED[mark] ?? mark) : String.fromCharCode(Number.parseInt(code, 16)),
  )
}
