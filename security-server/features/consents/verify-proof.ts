/**
 * Verifies the wallet's presentation that a portal sends, wholly and by itself. Guarantees that a consent
 * which is kept was agreed to by the person who acts, now, as issuers say whom the registry trusts at this
 * moment, and that no presentation serves twice.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { type Agreement, transactionOf } from '#core/consent/agreement.ts'
import { NotAttested } from '#core/consent/attested.ts'
import { type CodePlace, verifyOnePerson } from '#core/consent/held-together.ts'
import { SKEW_MS, verifyAgreement } from '#core/consent/verify-agreement.ts'
import { digestOfIssuers } from '#core/presentation/digest-issuers.ts'
import type { JudgedCredential } from '#core/presentation/judge.ts'
import { Refused } from '#core/presentation/refused.ts'
import { anchorsAt, readTrustedIssuers, type TrustedIssuer } from '#core/presentation/trusted-issuers.ts'
import type { Attested, ConsentDemand, WalletProof } from '#schemas/consents.ts'
import { Fault } from '#schemas/fault.ts'
import { REFUSALS } from '#schemas/presentation.ts'
import type { PublishedIssuer } from '#schemas/trusted-issuer.ts'
import type { JudgedBy } from './issuers-store.ts'
import type { ConsentRooms } from './rooms.ts'
import type { WalletCredential } from './settings.ts'
import { isCodeOf, personIn } from './who-acts.ts'

/** How long ago a wallet may have been asked. */
const FRESH_MS = 10 * 60_000
const MOST_STATUS_AGE_SECONDS = 86_400

type Proven = {
  /** The record's canonical text. */
  text: string
  /** SHA-256 of it, hex. */
  digest: string
  /** What the holder signed once: the same in every record of this presentation, whoever wrote it. */
  mark: string
  /** What the contract demands to be attested, with the names that the registry gives the issuers. */
  attested: Attested[]
  /** Who issued each credential, by the same names: the record has those that its portal gives them. */
  issuedBy: string[]
  /** Where in each the code of its person stands. */
  codes: CodePlace[]
  /** The registry's list at that moment. */
  judgedBy: JudgedBy
}

/** Throws `consent_unproven`. `userId` is who acts. */
export function verifyProof(
  { presentation }: Pick<WalletProof, 'presentation'>,
  q: { agreement: Agreement; demand: ConsentDemand; userId: string },
  rooms: Pick<ConsentRooms, 'clock' | 'globalConfiguration' | 'settings' | 'countryPrefix'>,
): Proven {
  const { agreement, demand } = q
  const now = rooms.clock()
  const askedAt = Date.parse(agreement.askedAt)
  if (askedAt > now + SKEW_MS) throw unproven('the wallet was asked at a time that has not come')
  if (askedAt < now - FRESH_MS) throw unproven('the wallet was asked too long ago')
  const text = textOf(presentation)
  const proven = refusing(() =>
    verifyAgreement(text, {
      ...{ agreement, transaction: transactionOf(agreement, demand) },
      issuers: trustedAt(new Date(now), rooms),
      reader: { maxStatusAgeSeconds: MOST_STATUS_AGE_SECONDS },
    }),
  )
  if (proven.judgedAt.getTime() > now + SKEW_MS) throw unproven('it was judged at a time that has not come')
  const codes = checkPerson(proven.credentials, q.userId, rooms)
  const { attested, asked } = proven
  const mark = sha256(JSON.stringify([asked.clientId, asked.nonce]))
  const issuedBy = proven.credentials.map(({ issuer }) => issuer)
  return { text, digest: sha256(text), mark, attested, issuedBy, codes, judgedBy: listAt(rooms) }
}

function textOf(presentation: object): string {
  try {
    return canonicalJson(presentation)
  } catch (cause) {
    throw unproven('the record has no canonical form', cause)
  }
}

/** As read from each list while it is current: there may be thousands of certificates in it. */
const readIssuers = new WeakMap<readonly PublishedIssuer[], TrustedIssuer[]>()

const lists = new WeakMap<readonly PublishedIssuer[], JudgedBy>()

/** As it was published, with what counts no more. */
function listAt({ globalConfiguration }: Pick<ConsentRooms, 'globalConfiguration'>): JudgedBy {
  const { trustedIssuers } = globalConfiguration.current()
  const known = lists.get(trustedIssuers)
  if (known !== undefined) return known
  const list = { digest: digestOfIssuers(trustedIssuers), list: JSON.stringify(trustedIssuers) }
  lists.set(trustedIssuers, list)
  return list
}

/**
 * Those whom the registry trusts at this moment: one that was withdrawn proves nothing new, whatever time the
 * record names.
 */
function trustedAt(
  now: Date,
  { globalConfiguration }: Pick<ConsentRooms, 'globalConfiguration'>,
): TrustedIssuer[] {
  const { trustedIssuers } = globalConfiguration.current()
  const read = readIssuers.get(trustedIssuers) ?? readTrustedIssuers([...trustedIssuers])
  readIssuers.set(trustedIssuers, read)
  return read.map((issuer) => {
    const good = new Set(anchorsAt(issuer, now))
    return { ...issuer, anchors: issuer.anchors.filter(({ certificate }) => good.has(certificate)) }
  })
}

/**
 * Where a credential has the code is for this server to say: a portal could ask for any other claim. Gives
 * these places.
 */
function checkPerson(
  credentials: JudgedCredential[],
  userId: string,
  { settings, countryPrefix }: Pick<ConsentRooms, 'settings' | 'countryPrefix'>,
): CodePlace[] {
  const codes = credentials.map((one) => codesIn(one, settings.credentials))
  // Each needs it: one without could be anybody's, by whatever the portal had wallets link it to the others.
  if (codes.some((of) => of.length === 0))
    throw unproven('a credential has no code of a person where the settings say')
  const identifying = settings.credentials.filter(({ attestsOnly }) => attestsOnly !== true)
  if (!credentials.some((one) => codesIn(one, identifying).length > 0))
    throw unproven('no credential identifies the person: by the settings it attests only')
  const acting = personIn(userId, countryPrefix) ?? personIn(countryPrefix + userId, countryPrefix)
  const isSame = (code: unknown): boolean =>
    typeof code === 'string' && acting !== undefined && isCodeOf(code, acting.identifier, countryPrefix)
  if (!codes.flat().every(({ value }) => isSame(value)))
    throw unproven('it is of another person than the one who acts')
  const places = codes.map(([first]) => first!.place)
  // As whoever verifies the saved consent will: with no settings, by what the document says.
  refusing(() => verifyOnePerson(credentials, places))
  return places
}

function codesIn(
  { format, type, claims }: JudgedCredential,
  known: readonly WalletCredential[],
): { place: CodePlace; value: unknown }[] {
  const places = known.filter((one) => one.format === format && one.types.includes(type))
  return places.flatMap(({ code: place }) =>
    claims.flatMap(({ path, values }) =>
      JSON.stringify(path) === JSON.stringify(place) ? values.map((value) => ({ place, value })) : [],
    ),
  )
}

function refusing<T>(verify: () => T): T {
  try {
    return verify()
  } catch (thrown) {
    if (!(thrown instanceof Refused)) throw thrown
    const which = thrown instanceof NotAttested ? `${thrown.attribute} (${thrown.types.join(', ')}): ` : ''
    throw unproven(`${which}${thrown.reason}: ${REFUSALS[thrown.reason]}`, thrown)
  }
}

export function unproven(what: string, cause?: unknown): Fault {
  return new Fault('consent_unproven', { what, ...(cause !== undefined && { cause }) })
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
