/** Numbers of JSON without an exponent, which decimals and whole numbers of XML Schema do not have. */

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,4}))?$/
/** An exponent of four digits would make ten thousand digits of one. */
const MAX_DIGITS = 400

/**
 * The same number with all its digits and without zeros behind its point; undefined for more digits than are
 * taken.
 */
export function exactDecimal(json: string): string | undefined {
  const [, sign = '', whole, fraction = '', exponent = '0'] = NUMBER.exec(json) ?? []
  if (whole === undefined || json.length > MAX_DIGITS) return undefined
  const shift = Number(exponent)
  if (Math.abs(shift) > MAX_DIGITS) return undefined
  const digits = '0'.repeat(Math.max(0, -shift)) + whole + fraction + '0'.repeat(Math.max(0, shift))
  const point = Math.max(0, -shift) + whole.length + shift
  const before = digits.slice(0, point).replace(/^0+(?=\d)/, '') || '0'
  const behind = digits.slice(point).replace(/0+$/, '')
  const isZero = before === '0' && behind === ''
  return `${isZero ? '' : sign}${before}${behind === '' ? '' : `.${behind}`}`
}
