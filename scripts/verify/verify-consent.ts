/**
 * Verifies a saved consent from itself and trusted issuers: that its document is the one whose presentation a
 * wallet signed.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { agreementOf } from '#core/consent/agreement.ts'
import { type ConsentDocument, consentDigest } from '#core/consent/document.ts'
import { type CodePlace, verifyOnePerson } from '#core/consent/held-together.ts'
import { verifyAgreement } from '#core/consent/verify-agreement.ts'
import { attestedAttributes } from '#core/contract/read-attributes.ts'
import { digestOfIssuers } from '#core/presentation/digest-issuers.ts'
import { isObject, isTexts, type JsonObject } from '#core/presentation/json.ts'
import type { Reader } from '#core/presentation/record.ts'
import { need } from '#core/presentation/refused.ts'
import type { TrustedIssuer } from '#core/presentation/trusted-issuers.ts'
import { type CodePlaces, placesIn } from './code-places.ts'

const FORM = 'concordat-consent/1'
const MAX_LENGTH = 16_777_216
const MAX_DEPTH = 64

/** The saved consent in `content`; undefined for anything else. */
export function readSavedConsent(content: Buffer): JsonObject | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(content)
    const value = parseStrictJson(text, { maxLength: MAX_LENGTH, maxDepth: MAX_DEPTH, number: Number })
    return isObject(value) && value['form'] === FORM ? value : undefined
  } catch {
    return undefined
  }
}

/** As far as it is read here. Whatever else is in it changes its digest, which log records have. */
function isInForm(document: JsonObject): document is JsonObject & ConsentDocument {
  const { asked, contract, shown } = document
  const areTexts = (of: JsonObject, names: string[]): boolean =>
    names.every((name) => typeof of[name] === 'string')
  return (
    areTexts(document, ['number', 'client', 'demand', 'kind', 'givenAt', 'validUntil', 'presentation']) &&
    isObject(asked) &&
    areTexts(asked, ['provider', 'portal', 'askedAt']) &&
    isTexts(asked['services']) &&
    areAttributes(asked['attributes']) &&
    areCodes(document['codes']) &&
    isObject(contract) &&
    areTexts(contract, ['id']) &&
    typeof contract['version'] === 'number' &&
    isObject(shown) &&
    areTexts(shown, ['language', 'textHash'])
  )
}

function areAttributes(given: unknown): boolean {
  try {
    return given === undefined || attestedAttributes(given, 'asked.attributes').length > 0
  } catch {
    return false
  }
}

function areCodes(given: unknown): boolean {
  return given === undefined || (Array.isArray(given) && given.every(isTexts))
}

/** The list of trusted issuers that was saved with it; undefined where there is none. */
export function savedIssuers({ issuers, document }: JsonObject): unknown[] | undefined {
  if (issuers === undefined) return undefined
  const digest = isObject(document) ? document['trustedIssuers'] : undefined
  need(Array.isArray(issuers), 'record_malformed', 'issuers')
  need(digestOfIssuers(issuers) === digest, 'record_differs', 'The document names another list of issuers.')
  return issuers
}

/**
 * The lines of a report, its facts, and whether it is settled that all credentials are of one person:
 * `places` are those by the reader's word, since a server and a portal together could name a place in the
 * document where two people have the same. Throws a `Refused`.
 */
export function verifyConsent(
  saved: JsonObject,
  issuers: TrustedIssuer[],
  reader: Reader,
  places: CodePlaces | undefined,
) {
  const { document: given, presentation, issuers: _issuers, form: _form, ...more } = saved
  need(
    Object.keys(more).length === 0,
    'record_malformed',
    'A saved consent has a document, a presentation and the issuers who were trusted.',
  )
  need(isObject(given) && isObject(presentation), 'record_malformed', 'document or presentation')
  need(isObject(given['asked']), 'record_malformed', 'No wallet proves this consent.')
  need(isInForm(given), 'record_malformed', 'The document does not have its form.')
  const document = given
  const agreement = agreementOf(document)!
  const record = canonicalJson(presentation)
  const digest = createHash('sha256').update(record).digest('hex')
  need(digest === document.presentation, 'record_differs', 'The document names another presentation.')
  const proven = verifyAgreement(record, { agreement, issuers, reader })
  checkWords(document, proven)
  const { credentials } = proven
  const named = credentials.length === 1 ? undefined : placesIn(credentials, places)
  // The document of an earlier version names none.
  for (const codes of [document.codes, named]) if (codes !== undefined) verifyOnePerson(credentials, codes)
  const { number, client, contract, kind, givenAt, validUntil } = document
  const isOne = credentials.length === 1
  const words =
    proven.boundBy === 'transaction data'
      ? `${isOne ? 'The holder' : 'The holder of one of them'} signed exactly this, and the wallet had it to show.`
      : `${isOne ? 'The holder' : 'The holder of each'} signed a nonce that commits to exactly this; the wallet had no words to show.`
  const lines = [
    `Consent ${number} to ${client}, contract ${contract.id}, version ${contract.version}: ${kind}, until ${validUntil}`,
    `Given at ${givenAt}, by the words of its document`,
    ...mandateLines(document),
    `Digest ${consentDigest(document)}, which the log record of each call under it has`,
    words,
    ...togetherLines({ told: document.codes, named }, proven),
    ...proven.attested.map(
      ({ name, type, issuer }) => `Attested as the contract demands: ${name}, by ${type} of ${issuer}`,
    ),
  ]
  const { attested, boundBy } = proven
  const facts = { digest: consentDigest(document), boundBy, attested, document }
  return { lines, proven, isOnePerson: isOne || named !== undefined, facts }
}

/**
 * What the document says of the proof is what the proof says. One of an earlier version does not name the
 * issuers.
 */
function checkWords(
  { attested = [], issuedBy }: ConsentDocument,
  proven: Pick<ReturnType<typeof verifyAgreement>, 'attested' | 'credentials'>,
): void {
  const areSame = canonicalJson(attested) === canonicalJson(proven.attested)
  need(areSame, 'record_differs', 'The document says that something else was attested.')
  const issuers = proven.credentials.map(({ issuer }) => issuer)
  const areNamed = issuedBy === undefined || canonicalJson(issuedBy) === canonicalJson(issuers)
  need(areNamed, 'record_differs', 'The document names other issuers of the credentials.')
}

/**
 * What holds several credentials together, each by its own, and what does not. `told`: where codes are by the
 * document, `named`: by the reader.
 */
function togetherLines(
  { told, named }: Record<'told' | 'named', CodePlace[] | undefined>,
  { credentials }: Pick<ReturnType<typeof verifyAgreement>, 'credentials'>,
): string[] {
  if (credentials.length === 1) return []
  const keys = new Set(credentials.map(({ holderKey }) => holderKey))
  return [
    named === undefined ? toldLine(credentials, told) : onePersonLine(credentials, named),
    'Each for the same request: with its key the holder of each signed the nonce, which commits to exactly this, for the same verifier. That one wallet answered with all of them is not proved',
    keys.size === 1
      ? 'One key holds all of them'
      : 'Each is held by a key of its own, as wallets do it: that one holder had them is not proved',
  ]
}

function toldLine(credentials: { type: string }[], told: CodePlace[] | undefined): string {
  if (told === undefined)
    return 'It is not said where each credential has the code of its person: name the places (--codes)'
  return `Equal in all: ${wordsOf(credentials, told)}. That these are codes of persons are the words of its document: name the places (--codes)`
}

export function onePersonLine(credentials: { type: string }[], places: CodePlace[]): string {
  return `Of one person: ${wordsOf(credentials, places)} are equal`
}

function wordsOf(credentials: { type: string }[], places: CodePlace[]): string {
  return credentials.map(({ type }, at) => `${places[at]!.join('.')} of ${type}`).join(', ')
}

/** Nobody proves it here: the answer of the mandate service is not in the file, only its digest. */
function mandateLines({ representative }: ConsentDocument): string[] {
  const mandate: unknown = representative?.mandate
  if (!isObject(mandate) || !isTexts([mandate['service'], mandate['question']])) return []
  return [
    `By somebody who acts for the person: ${mandate['service']} confirmed it, asked as ${mandate['question']}, by the words of its document`,
  ]
}
