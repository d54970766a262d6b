/**
 * The module to import for reading strict DER: elements (der-element.ts), values (der-values.ts), strings and
 * times (der-text.ts).
 */
export { children, type Der, expectTag, malformed, onlyChild, parseDer, TAG } from './der-element.ts'
export { readIa5, readText, readTime } from './der-text.ts'
export {
  readBitString,
  readBoolean,
  readEnumerated,
  readInteger,
  readNull,
  readOctetString,
  readOid,
  readSmallInteger,
} from './der-values.ts'
