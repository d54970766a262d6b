/**
 * Reads hash chain documents (X-Road's hashchain.xsd). Accepted: known elements in ASCII, with namespaces
 * declared at the root. Refused: entities, comments, transforms and chains that continue in another file.
 */
import { treeOf, type XmlElement } from '#core/xml/element.ts'
import { readStrictXml, type XmlForm } from '#core/xml/strict-reader.ts'
import { Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'
import { DIGEST_URI, type DigestName, PART_NAME } from '#schemas/wire.ts'
import { DIGESTS } from './algorithms.ts'
import { chainResult } from './chain-template.ts'

export type ChainItem =
  | { kind: 'value'; digest: DigestName; value: Buffer }
  | { kind: 'data'; uri: string; digest: DigestName; value: Buffer }
  | { kind: 'step'; id: string; digest: DigestName }

/** Bounds of one chain: more steps than 2^60 messages need, more values than a message has parts. */
export const CHAIN_LIMIT = { bytes: 128 * 1024, steps: 64, items: 102 } as const

/** The content of HashChainResult: where the chain starts, and the digest to which it must lead. */
type ChainResult = { file: string; step: string; digest: DigestName; value: Buffer }

/** An element of the chain's namespace, or of the signature's. */
type Named = `${'c' | 'd'}:${string}`

const CHAIN = 'http://cyber.ee/hashchain'
const DSIG = 'http://www.w3.org/2000/09/xmldsig#'
/** Steps with their values, each of up to three elements. */
const FORM: XmlForm = {
  bytes: CHAIN_LIMIT.bytes,
  depth: 4,
  elements: 2 + CHAIN_LIMIT.steps * (1 + 3 * CHAIN_LIMIT.items),
  attributes: 8,
  plain: { namespaces: [CHAIN, DSIG] },
}
const CLOSED = /^[\t\n\r\x20-\x25\x27-\x7e]*$/
const STEP_URI = /^(\/?[\w.-]*)#([\w.-]{1,64})$/

/** Reads HashChainResult; throws `malformed_hash_chain`. */
export function readHashChainResult(document: Buffer): ChainResult {
  return readOwnResult(document) ?? readResult(document)
}

/** Reads our own form, by writing the document again from its value and comparing. */
function readOwnResult(document: Buffer): ChainResult | undefined {
  const text = document.length > CHAIN_LIMIT.bytes ? '' : document.toString('latin1')
  const end = text.lastIndexOf('</ds:DigestValue>')
  const digest = text.slice(text.lastIndexOf('>', end - 1) + 1, end)
  for (const file of [PART_NAME.hashChain, PART_NAME.timestampHashChain]) {
    const value = chainResult(file, digest) === text ? chainDigest(digest) : undefined
    if (value !== undefined) return { file, step: 'STEP0', digest: 'SHA-512', value }
  }
  return undefined
}

function readResult(document: Buffer): ChainResult {
  const root = parse(document)
  if (!isNamed(root, 'c:HashChainResult')) throw malformed(say`it is no hash chain result`)
  const [method, value] = children(root, ['d:DigestMethod', 'd:DigestValue'])
  const [, file, step] = STEP_URI.exec(only(root, 'URI')) ?? []
  if (file === undefined || step === undefined) throw malformed(say`the result refers to no step`)
  return { file, step, digest: digestMethod(method!), value: base64(value!) }
}

/** Reads HashChain into its steps by id; throws `malformed_hash_chain`. */
export function readHashChain(document: Buffer): Map<string, ChainItem[]> {
  const root = parse(document)
  if (!isNamed(root, 'c:HashChain') || root.attributes.size > 0) throw malformed(say`it is no hash chain`)
  if (root.text.trim() !== '') throw malformed(say`text stands between the steps`)
  const [first, ...stepElements] = root.children
  if (first === undefined || !isNamed(first, 'c:DefaultDigestMethod'))
    throw malformed(say`the default digest method is missing`)
  const byDefault = digestMethod(first)
  const steps = new Map<string, ChainItem[]>()
  for (const element of stepElements) {
    const id = only(element, 'id')
    const { length } = element.children
    if (element.text.trim() !== '') throw malformed(say`text stands in a step`)
    if (!isNamed(element, 'c:HashStep') || steps.has(id))
      throw malformed(say`a step is doubled or something else`)
    if (length === 0 || length > CHAIN_LIMIT.items || steps.size === CHAIN_LIMIT.steps)
      throw malformed(say`too many or too few values`)
    steps.set(
      id,
      element.children.map((item) => readItem(item, byDefault)),
    )
  }
  return steps
}

function readItem(element: XmlElement, byDefault: DigestName): ChainItem {
  const [own] = element.children
  const hasOwn = own !== undefined && isNamed(own, 'd:DigestMethod')
  const digest = hasOwn ? digestMethod(own) : byDefault
  const method: Named[] = hasOwn ? ['d:DigestMethod'] : []
  if (isNamed(element, 'c:StepRef')) {
    children(element, method)
    const [, file, id] = STEP_URI.exec(only(element, 'URI')) ?? []
    if (file !== '' || id === undefined) throw malformed(say`a step lies in another file`)
    return { kind: 'step', id, digest }
  }
  const value = base64(children(element, [...method, 'd:DigestValue']).at(-1)!)
  if (isNamed(element, 'c:DataRef')) return { kind: 'data', uri: only(element, 'URI'), digest, value }
  if (!isNamed(element, 'c:HashValue') || element.attributes.size > 0)
    throw malformed(say`a value is of unknown kind`)
  return { kind: 'value', digest, value }
}

/** The element's children; throws unless they are exactly these, without text between them. */
function children(element: XmlElement, names: Named[]): XmlElement[] {
  const found = element.children
  const fits = found.length === names.length && names.every((name, index) => isNamed(found[index], name))
  if (!fits || element.text.trim() !== '') throw malformed(say`unexpected elements`)
  return found
}

/** The value of the one attribute that an element has. */
function only(element: XmlElement, name: string): string {
  const value = element.attributes.get(name)
  if (value === undefined || element.attributes.size > 1) throw malformed(say`unexpected attributes`)
  return value
}

function digestMethod(element: XmlElement): DigestName {
  children(element, [])
  const uri = only(element, 'Algorithm')
  const digest = DIGESTS.get(uri)
  if (digest === undefined) {
    const known = Object.values(DIGEST_URI).find((one) => one === uri)
    throw malformed(say`digest method ${known ?? 'unknown'} is not accepted`)
  }
  return digest
}

function base64(element: XmlElement): Buffer {
  const bytes = chainDigest(element.text)
  if (bytes === undefined || element.attributes.size > 0 || element.children.length > 0) {
    throw malformed(say`a digest value is malformed`)
  }
  return bytes
}

function parse(document: Buffer): XmlElement {
  const root = CLOSED.test(document.toString('latin1', 0, FORM.bytes))
    ? readStrictXml(document, FORM, treeOf)?.value
    : undefined
  if (root === undefined) throw malformed(say`it is not a plain document of ASCII and no entities`)
  return root
}

function isNamed(element: XmlElement | undefined, name: Named): boolean {
  const [prefix, local] = name.split(':')
  return element?.name === local && element?.namespace === (prefix === 'c' ? CHAIN : DSIG)
}

/** The bytes of a digest in canonical base64: 1 to 64; undefined for anything else. */
function chainDigest(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  const canonical = bytes.length > 0 && bytes.length <= 64 && bytes.toString('base64') === text
  return canonical ? bytes : undefined
}

/** Creates a `malformed_hash_chain` fault. */
export function malformed(what: Word): Fault {
  return new Fault('malformed_hash_chain', { what })
}
