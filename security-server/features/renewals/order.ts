/**
 * Makes the next key and its certificate: a key on the token, an order at the CA, and the certificate only
 * when it is what was ordered.
 */
import { type Certificate, parseCertificate, readCertificate } from '#core/certificate/certificate.ts'
import { attributes } from '#core/certificate/name.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { ApprovedCa } from '#schemas/global-configuration.ts'
import { idText, memberOf, parseMemberId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { AccountKey } from '../../keys/account-keys.ts'
import type { KeyInfo } from '../../keys/keys.ts'
import { subjectFor, wholeSubject } from '../../keys/subject-for.ts'
import { failed, hostOf } from './acme/client.ts'
import { orderCertificate } from './acme/order-certificate.ts'
import { renewalId } from './acme/renewal-info.ts'
import { type Directory, openSession, readDirectory } from './acme/session.ts'
import { iso, type RenewalRooms } from './rooms.ts'
import { accountRow, checkOrdered } from './rules.ts'
import type { Renewal } from './store.ts'

/** Writes a change of the row at once, so that a crash after it goes on from there; returns the row. */
export type Save = (set: Partial<Renewal>) => Promise<Renewal>

/**
 * The CA of a renewal with its ACME server. Throws `not_found` when the configuration has none any more,
 * `conflict` when it has two of the name.
 */
export function acmeCaOf(
  rooms: Pick<RenewalRooms, 'globalConfiguration'>,
  name: string,
): ApprovedCa & { acmeServer: object } {
  const { shared } = rooms.globalConfiguration.current().index
  const [ca, second] = shared.approvedCas.filter((one) => one.name === name && one.acmeServer !== undefined)
  if (second !== undefined)
    throw new Fault('conflict', {
      what: say`two approved CAs with ACME servers are called ${name}: the registry has to name them apart`,
    })
  if (ca?.acmeServer === undefined)
    throw new Fault('not_found', { what: say`an approved CA ${name} with an ACME server` })
  return ca as ApprovedCa & { acmeServer: object }
}

export function directoryOf(rooms: Pick<RenewalRooms, 'http'>, ca: ApprovedCa): Promise<Directory> {
  return readDirectory(rooms.http, ca.acmeServer!.directoryUrl)
}

/**
 * The certificate, imported and not active yet. Throws as `orderCertificate`, as an import does, and
 * `incorrect_certificate` for one that is not what was ordered.
 */
export async function order(
  rooms: RenewalRooms,
  given: Renewal,
  save: Save,
  signal: AbortSignal,
): Promise<Certificate> {
  const { http } = rooms
  const ca = acmeCaOf(rooms, given.ca)
  const key = await nextKey(rooms, given)
  let row = given.key_id === key.id ? given : await saveKey(rooms, key, save)
  const request = await requestOf(rooms, row, key)
  const directory = await directoryOf(rooms, ca)
  const session = await openSession({
    ...{ http, directory, profile: profileOf(ca, row) },
    ...(await accountOf(rooms, row, ca)),
  })
  const chain = await orderCertificate({
    ...{ session, name: row.dns_name, request, profile: profileOf(ca, row) },
    ...{ proof: rooms.proof, signal, lookMs: rooms.lookMs, begun: begunAt(directory, row) },
    replaces: replacedBy(rooms, row),
    remember: async (url) => {
      row = await save({ order_url: url })
    },
  })
  const certificate = firstOf(chain)
  checkOrdered(certificate, {
    ...{ usage: row.usage, keyId: key.id, dnsName: row.dns_name, ca: ca.topCa.cert },
    issuer: rooms.globalConfiguration.current().index.caOf(certificate)?.approved.topCa.cert,
  })
  // A CA whose clock is ahead: the same certificate is good a moment later.
  if (certificate.notBefore.getTime() > rooms.clock())
    throw failed(say`the certificate that the CA gave begins at ${certificate.notBefore.toISOString()}`)
  await importOnce(rooms, certificate)
  return certificate
}

/** An order at the address that the CA had before is lost. */
function begunAt({ url }: Directory, { order_url: begun }: Renewal): string | undefined {
  return begun !== null && hostOf(begun) === hostOf(url) ? begun : undefined
}

/**
 * The key that was made for this renewal, or a new one: of the same kind and on the same token as the present
 * one.
 */
async function nextKey({ keys, clock }: RenewalRooms, row: Renewal): Promise<KeyInfo> {
  const all = keys.tokens().flatMap((token) => token.keys.map((key) => ({ key, tokenId: token.id })))
  const made = all.find(({ key }) => key.id === row.key_id)
  if (made !== undefined) return made.key
  const present = all.find(({ key }) => key.certificates.some(({ sha256 }) => sha256 === row.current))
  return keys.createKey({
    ...{ usage: row.usage, label: `${row.dns_name} ${iso(clock()).slice(0, 10)}` },
    ...(row.usage === 'SIGNING' && present !== undefined ? { tokenId: present.tokenId } : {}),
    ...(present?.key.algorithm === undefined ? {} : { algorithm: present.key.algorithm }),
  })
}

/** Somebody may have begun it again meanwhile: then this key is nobody's. */
async function saveKey({ keys }: RenewalRooms, key: KeyInfo, save: Save): Promise<Renewal> {
  try {
    return await save({ key_id: key.id, order_url: null })
  } catch (thrown) {
    await keys.deleteKey(key.id)
    throw thrown
  }
}

async function requestOf(rooms: RenewalRooms, row: Renewal, key: KeyInfo): Promise<Buffer> {
  const { keys, server } = rooms
  const [known] = key.requests
  if (known !== undefined && row.order_url !== null) return keys.request(key.id, known.id)
  // A new order is for what the row and the configuration say now.
  if (known !== undefined) await keys.deleteRequest(key.id, known.id)
  const member = row.member === null ? memberOf(server) : parseMemberId(row.member)
  const { index } = rooms.globalConfiguration.current()
  const named = { caName: row.ca, dnsName: row.dns_name }
  const { request } = await keys.createRequest({
    ...{ keyId: key.id, dnsNames: [row.dns_name] },
    member: row.usage === 'SIGNING' ? member : undefined,
    subject: wholeSubject(
      subjectFor(index, { server, usage: row.usage, member, ...named }).map((field) => ({
        type: field.type,
        value: field.value === '' ? knownBefore(rooms, row, field.type) : field.value,
      })),
    ),
  })
  return request
}

/**
 * What neither profile nor instance say: the country, mostly. The present certificate has it, or the
 * settings.
 */
function knownBefore({ keys, country }: RenewalRooms, { current }: Renewal, type: string): string {
  const present =
    current !== null && holds(keys, current) ? parseCertificate(keys.certificateDer(current)) : undefined
  const [value] = present === undefined ? [] : attributes(present.subject, type)
  return value ?? (type === 'C' ? (country ?? '') : '')
}

async function accountOf(rooms: RenewalRooms, row: Renewal, ca: ApprovedCa) {
  const { server, node, store, keys, account } = rooms
  const owner = idText(memberOf(server))
  const member = row.member ?? owner
  const { name, binding, contact } = account({
    ...{ ca: row.ca, member, isOwner: member === owner, usage: row.usage },
  })
  const id = accountRow({ node, directoryUrl: ca.acmeServer!.directoryUrl, name })
  const kept = await store.account(id, keys.accountKeys.make)
  return { key: await openOrReplace(rooms, id, kept), binding, contact }
}

/** A key that was sealed by another token opens never again: a new token needs a new account. */
async function openOrReplace({ keys, store }: RenewalRooms, id: string, kept: string): Promise<AccountKey> {
  try {
    return keys.accountKeys.open(kept)
  } catch (thrown) {
    if (asFault(thrown).code !== 'io_error') throw thrown
    await store.forgetAccount(id, kept)
    return keys.accountKeys.open(await store.account(id, keys.accountKeys.make))
  }
}

function profileOf({ acmeServer }: ApprovedCa, { usage }: Renewal): string | undefined {
  return usage === 'SIGNING'
    ? acmeServer?.signingCertificateProfileId
    : acmeServer?.authenticationCertificateProfileId
}

function replacedBy({ keys }: RenewalRooms, { current }: Renewal): string | undefined {
  return current === null || !holds(keys, current)
    ? undefined
    : renewalId(parseCertificate(keys.certificateDer(current)))
}

/** Whether this server has the certificate still: an operator may have removed it. */
export function holds(keys: RenewalRooms['keys'], sha256: string): boolean {
  return keys
    .tokens()
    .some((token) => token.keys.some((key) => key.certificates.some((one) => one.sha256 === sha256)))
}

/** The issuers that come with it are not read: paths are made of what the configuration approves. */
function firstOf(chain: string): Certificate {
  const [first] =
    /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]{1,90000}-----END CERTIFICATE-----/.exec(chain) ?? []
  if (first === undefined)
    throw new Fault('incorrect_certificate', { what: say`the ACME server gave no certificate` })
  return readCertificate(Buffer.from(first))
}

/** A crash may come between the import and the row: then it is there already. */
async function importOnce({ keys }: RenewalRooms, { der, sha256 }: Certificate): Promise<void> {
  try {
    await keys.importCertificate(der, { activate: false })
  } catch (thrown) {
    if (asFault(thrown).code !== 'conflict' || !holds(keys, sha256)) throw thrown
  }
}
