/**
 * JSON in the form that the house's formatter leaves as it is: on one line what fits there, the rest broken.
 */

const MOST = 110

export function writeJson(value: unknown): string {
  return `${written(value, 0, 0)}\n`
}

/** `taken` is how many signs of its line stand before and after it. */
function written(value: unknown, depth: number, taken: number): string {
  const line = onOneLine(value)
  if (typeof value !== 'object' || value === null || (taken + line.length <= MOST && !isBroken(value)))
    return line
  const inner = '  '.repeat(depth + 1)
  const last = '  '.repeat(depth)
  if (Array.isArray(value)) {
    const items = value.map(
      (item, index) => inner + written(item, depth + 1, inner.length + commaAfter(index, value)),
    )
    return `[\n${items.join(',\n')}\n${last}]`
  }
  const members = Object.entries(value).map(([key, item], index, all) => {
    const name = `${inner}${JSON.stringify(key)}: `
    return name + written(item, depth + 1, name.length + commaAfter(index, all))
  })
  return `{\n${members.join(',\n')}\n${last}}`
}

function commaAfter(index: number, { length }: unknown[]): number {
  return index + 1 < length ? 1 : 0
}

/** The formatter breaks a list of several objects or lists, however short they are. */
function isBroken(value: object): boolean {
  if (!Array.isArray(value) || value.length < 2) return false
  return value.every((item) => typeof item === 'object' && item !== null && Object.keys(item).length > 1)
}

function onOneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(onOneLine).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${onOneLine(item)}`)
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`
}
