/**
 * Reads hash chain documents (X-Road's hashchain.xsd) without an XML library: a closed vocabulary in ASCII, namespaces
 * declared on the root, no entities, comments, transforms or chains that go on in another file.
 */
import { Fault } from '#schemas/fault.ts'
import { DIGEST_URI, type DigestName, PART_NAME } from '#schemas/wire.ts'
import { DIGESTS } from './algorithms.ts'
import { chainResult } from './chain-template.ts'
import { CHAIN_LIMIT, type ChainItem, chainDigest, readHashChainExact } from './read-hash-chain-exact.ts'

export type { ChainItem } from './read-hash-chain-exact.ts'

/** The result: where the chain starts, and the digest it must lead to. */
type ChainResult = { file: string; step: string; digest: DigestName; value: Buffer }

type Element = { name: string; attributes: Map<string, string>; children: Element[]; text: string }

const MAX_DEPTH = 5
const CHAIN = 'http://cyber.ee/hashchain'
const DSIG = 'http://www.w3.org/2000/09/xmldsig#'
const DECLARATION =
  /^<\?xml version="1\.0"(?: encoding="(?:UTF|utf)-8")?(?: standalone="(?:yes|no)")?\s?\?>\s*/
const TAG =
  /<(\/?)((?:[A-Za-z_][\w.-]*:)?[A-Za-z]+)((?:\s+[\w:.-]+\s*=\s*(?:"[^"<>&]*"|'[^'<>&]*'))*)\s*(\/?)>([^<>&]*)/y
const ATTRIBUTE = /([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g
const ASCII = /^[\t\n\r\x20-\x7e]*$/
const STEP_URI = /^(\/?[\w.-]*)#([\w.-]{1,64})$/

/** Reads HashChainResult; throws `malformed_hash_chain`. */
export function readHashChainResult(document: Buffer): ChainResult {
  return readOwnResult(document) ?? readResult(document)
}

/** Our own form, by writing it anew from its value. */
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
  if (root.name !== 'c:HashChainResult') throw malformed('it is no hash chain result')
  const [method, value] = children(root, ['d:DigestMethod', 'd:DigestValue'])
  const [, file, step] = STEP_URI.exec(only(root, 'URI')) ?? []
  if (file === undefined || step === undefined) throw malformed('the result refers to no step')
  return { file, step, digest: digestMethod(method!), value: base64(value!) }
}

/** Reads HashChain as its steps by id; throws `malformed_hash_chain`. */
export function readHashChain(document: Buffer): Map<string, ChainItem[]> {
  return readHashChainExact(document) ?? readHashChainGeneral(document)
}

/** Reads a chain of any writer; exported for the test that compares it with the exact reader. */
export function readHashChainGeneral(document: Buffer): Map<string, ChainItem[]> {
  const root = parse(document)
  if (root.name !== 'c:HashChain' || root.attributes.size > 0) throw malformed('it is no hash chain')
  if (root.text.trim() !== '') throw malformed('text stands between the steps')
  const [first, ...stepElements] = root.children
  if (first?.name !== 'c:DefaultDigestMethod') throw malformed('the default digest method is missing')
  const byDefault = digestMethod(first)
  const steps = new Map<string, ChainItem[]>()
  for (const element of stepElements) {
    const id = only(element, 'id')
    const { length } = element.children
    if (element.text.trim() !== '') throw malformed('text stands in a step')
    if (element.name !== 'c:HashStep' || steps.has(id)) throw malformed('a step is doubled or something else')
    if (length === 0 || length > CHAIN_LIMIT.items || steps.size === CHAIN_LIMIT.steps)
      throw malformed('too many or too few values')
    steps.set(
      id,
      element.children.map((item) => readItem(item, byDefault)),
    )
  }
  return steps
}

function readItem(element: Element, byDefault: DigestName): ChainItem {
  const own = element.children[0]?.name === 'd:DigestMethod' ? element.children.shift() : undefined
  const digest = own === undefined ? byDefault : digestMethod(own)
  if (element.name === 'c:StepRef') {
    children(element, [])
    const [, file, id] = STEP_URI.exec(only(element, 'URI')) ?? []
    if (file !== '' || id === undefined) throw malformed('a step lies in another file')
    return { kind: 'step', id, digest }
  }
  const value = base64(children(element, ['d:DigestValue'])[0]!)
  if (element.name === 'c:DataRef') return { kind: 'data', uri: only(element, 'URI'), digest, value }
  if (element.name !== 'c:HashValue' || element.attributes.size > 0)
    throw malformed('a value is of unknown kind')
  return { kind: 'value', digest, value }
}

/** The element's children, when they are exactly these and no text stands between them. */
function children(element: Element, names: string[]): Element[] {
  const found = element.children.map(({ name }) => name)
  if (found.join() !== names.join() || element.text.trim() !== '') throw malformed('unexpected elements')
  return element.children
}

/** The value of the one attribute that an element has. */
function only(element: Element, name: string): string {
  const value = element.attributes.get(name)
  if (value === undefined || element.attributes.size > 1) throw malformed('unexpected attributes')
  return value
}

function digestMethod(element: Element): DigestName {
  children(element, [])
  const uri = only(element, 'Algorithm')
  const digest = DIGESTS.get(uri)
  if (digest === undefined) {
    const known = Object.values(DIGEST_URI).find((one) => one === uri)
    throw malformed(`digest method ${known ?? 'unknown'} is not accepted`)
  }
  return digest
}

function base64(element: Element): Buffer {
  const bytes = chainDigest(element.text)
  if (bytes === undefined || element.attributes.size > 0 || element.children.length > 0) {
    throw malformed('a digest value is malformed')
  }
  return bytes
}

/** The document as a tree whose names carry 'c:' for the chain's and 'd:' for the signature's namespace. */
function parse(document: Buffer): Element {
  const source = document.length > CHAIN_LIMIT.bytes ? '' : document.toString('latin1')
  if (!ASCII.test(source)) throw malformed('it is not ASCII')
  const prefixes = new Map<string, string>()
  const open: Element[] = [{ name: '', attributes: new Map(), children: [], text: '' }]
  TAG.lastIndex = DECLARATION.exec(source)?.[0].length ?? 0
  for (let at = TAG.lastIndex; at < source.length; at = TAG.lastIndex) {
    TAG.lastIndex = at
    const found = TAG.exec(source)
    if (found === null) throw malformed('it is not well formed')
    const [, closing, tag, attributeText, empty, text] = found as unknown as [
      string,
      string,
      string,
      string,
      string,
      string,
    ]
    const parent = open.at(-1)!
    if (closing === '/') {
      if (open.length === 1 || attributeText !== '' || empty !== '') throw malformed('it is not well formed')
      if (parent.name !== expanded(tag, prefixes)) throw malformed('it is not well formed')
      open.pop()
      open.at(-1)!.text += text
      continue
    }
    const attributes = readAttributes(attributeText, open.length === 1 ? prefixes : undefined)
    const element: Element = { name: expanded(tag, prefixes), attributes, children: [], text: '' }
    parent.children.push(element)
    if (empty === '/') parent.text += text
    else {
      element.text = text
      if (open.push(element) > MAX_DEPTH) throw malformed('it is too deep')
    }
  }
  const [root, ...more] = open[0]!.children
  if (root === undefined || more.length > 0 || open.length > 1 || open[0]!.text.trim() !== '') {
    throw malformed('it is not one whole document')
  }
  return root
}

/** Attributes of a tag; on the root, namespace declarations go to `prefixes` instead. */
function readAttributes(text: string, prefixes: Map<string, string> | undefined): Map<string, string> {
  const attributes = new Map<string, string>()
  for (const [, name, double, single] of text.matchAll(ATTRIBUTE)) {
    const value = double ?? single ?? ''
    const prefix = name === 'xmlns' ? '' : name!.startsWith('xmlns:') ? name!.slice(6) : undefined
    const target = prefix === undefined ? attributes : prefixes
    const key = prefix ?? name!
    if (target === undefined || target.has(key)) throw malformed('an attribute is doubled or misplaced')
    target.set(key, value)
  }
  return attributes
}

function expanded(tag: string, prefixes: Map<string, string>): string {
  const colon = tag.indexOf(':')
  const namespace = prefixes.get(tag.slice(0, Math.max(colon, 0)))
  const mark = namespace === CHAIN ? 'c:' : namespace === DSIG ? 'd:' : undefined
  if (mark === undefined) throw malformed('an element has another namespace')
  return mark + tag.slice(colon + 1)
}

/** A `malformed_hash_chain`. */
export function malformed(what: string): Fault {
  return new Fault('malformed_hash_chain', { what })
}
