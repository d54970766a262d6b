/**
 * What ends at this server, with its time: certificates, its own and those of services' systems, contracts,
 * the age of PINs, backups.
 */
import { hash } from 'node:crypto'
import { DAY_MS } from '#core/mail/threshold.ts'
import type { CollectedFailures } from '#platform/collect-failures.ts'
import { newestInForce } from '../../global-configuration/contracts/newest-in-force.ts'
import { ANY_GRACE } from '../../global-configuration/snapshot.ts'
import type { CertificateInfo } from '../../keys/keys.ts'
import { pinnedCertificates } from '../../local-systems/certificate-facts.ts'
import { contractName } from './render-letter.ts'
import type { DeadlineRooms } from './rooms.ts'
import type { Thing } from './rules.ts'
import type { DeadlineSettings } from './settings.ts'

/** `node`: whether this node alone sees it. */
type Found = Thing & { isOfNode: boolean }

/** A renewal that is in time by its own count, with so little left, is no comfort. */
const LITTLE_MS = 7 * DAY_MS
/** So long a contract that ended is told of: as long as a letter may wait for its mail server. */
const ENDED_MS = 30 * DAY_MS

type Q = Pick<DeadlineSettings, 'backupDays' | 'language'>

type Look = {
  kinds: readonly Thing['kind'][]
  /** Undefined when there is nothing to look at yet. */
  find(): Found[] | undefined | Promise<Found[] | undefined>
}

/**
 * `looked`: the kinds of which everything could be looked at. Of the others nobody may conclude that they
 * ended. `failed`: those of which something could not.
 */
export async function thingsThatEnd(
  rooms: DeadlineRooms,
  q: Q,
  failures: CollectedFailures,
): Promise<{ things: Found[]; looked: Set<Thing['kind']>; failed: Thing['kind'][] }> {
  const looks: Look[] = [
    {
      kinds: ['SIGNING', 'AUTHENTICATION'],
      find: () => (hasConfiguration(rooms) ? certificates(rooms, failures) : undefined),
    },
    { kinds: ['SYSTEM_CERTIFICATE'], find: () => internalTls(rooms) },
    { kinds: ['SERVICE_CERTIFICATE'], find: () => ofServices(rooms) },
    { kinds: ['CONTRACT'], find: () => contractsIn(rooms, q) },
    { kinds: ['PIN'], find: () => pins(rooms) },
    { kinds: ['BACKUP', 'BACKUP_PROOF'], find: async () => backups(await rooms.backupAges(), q) },
  ]
  const looked = new Set<Thing['kind']>()
  const failed = new Set(looks.flatMap(({ kinds }) => kinds))
  const things = await failures.each(
    looks,
    ({ kinds }) => kinds.join(' '),
    async ({ kinds, find }) => {
      const before = failures.failed()
      const found = await find()
      if (failures.failed() > before) return found ?? []
      for (const kind of kinds) failed.delete(kind)
      if (found !== undefined) for (const kind of kinds) looked.add(kind)
      return found ?? []
    },
  )
  return { things: things.flat(), looked, failed: [...failed] }
}

/** After a start, before the first configuration is there, no certificate looks registered. */
function hasConfiguration({ globalConfiguration }: DeadlineRooms): boolean {
  try {
    globalConfiguration.currentWithin(ANY_GRACE)
    return true
  } catch {
    return false
  }
}

/** One that renews itself is told of only when that is overdue, or when little is left. */
async function certificates(rooms: DeadlineRooms, failures: CollectedFailures): Promise<Found[]> {
  const inUse = await certificatesInUse(rooms, failures)
  return inUse
    .filter(({ renewsInTime }) => !renewsInTime)
    .map(({ one, overdue }) => ({
      ...{ id: one.sha256, kind: one.usage, name: `${one.subject} (${one.serialNumber})`, of: one.keyId },
      ...{ begins: Date.parse(one.notBefore), ends: Date.parse(one.notAfter), isOfNode: true },
      ...(overdue !== undefined && { overdue }),
    }))
}

type InUse = { one: CertificateInfo; renewsInTime: boolean; overdue: string | undefined }

/**
 * Without those that another of the same use outlives: nothing stops when they end. One of whose renewal
 * nothing can be known ends all the same, and counts as one that people renew.
 */
export async function certificatesInUse(
  { keys, clock, renewalOf }: Pick<DeadlineRooms, 'keys' | 'clock' | 'renewalOf'>,
  failures: CollectedFailures,
): Promise<InUse[]> {
  const active = keys
    .tokens()
    .flatMap((token) => token.keys)
    .flatMap((key) => key.certificates)
    .filter((one) => one.active)
  const now = new Date(clock()).toISOString()
  const needed = active.filter((one) => !active.some((other) => outlives(other, one, now)))
  const renewals = new Map(
    await failures.each(
      needed,
      ({ usage, sha256 }) => `${usage} ${sha256}`,
      async (one) => [one, await renewalOf(one.sha256)] as const,
    ),
  )
  return needed.map((one) => {
    const renewal = renewals.get(one)
    const [begins, ends] = [Date.parse(one.notBefore), Date.parse(one.notAfter)]
    const isLate = ends - clock() < Math.min(LITTLE_MS, (ends - begins) / 10)
    const overdue = renewal?.overdue
    return { one, overdue, renewsInTime: renewal !== undefined && overdue === undefined && !isLate }
  })
}

/** A responder that cannot be asked for a while makes no certificate unusable; a revocation does. */
function outlives(other: CertificateInfo, one: CertificateInfo, now: string): boolean {
  const isSameUse = other.usage === one.usage && other.member === one.member
  const isUsable = other.state === 'registered' && other.ocsp.state !== 'revoked' && other.notBefore <= now
  return isSameUse && isUsable && other.notAfter > one.notAfter
}

function internalTls({ keys }: DeadlineRooms): Found[] {
  try {
    const { sha256, notBefore, notAfter } = keys.internalTls.info()
    return [
      {
        ...{ id: sha256, kind: 'SYSTEM_CERTIFICATE', name: '', of: '', isOfNode: true },
        ...{ begins: Date.parse(notBefore), ends: Date.parse(notAfter) },
      },
    ]
  } catch {
    return [] // There is none yet.
  }
}

/**
 * Which of several certificates a system shows only a call tells: each is told of, until somebody deletes it.
 */
function ofServices({ localSystems }: DeadlineRooms): Found[] {
  return pinnedCertificates(localSystems.view()).map(
    ({ service, key, sha256, subject, notBefore, notAfter }) => ({
      ...{ id: `${service} ${sha256}`, kind: 'SERVICE_CERTIFICATE', name: `${service} (${subject})` },
      ...{ of: String(key), isOfNode: false, begins: notBefore.getTime(), ends: notAfter.getTime() },
    }),
  )
}

/** Undefined before the first list was fetched. */
function contractsIn({ contracts, clock }: DeadlineRooms, { language }: Q): Found[] | undefined {
  const { asOf, contracts: all } = contracts.view()
  if (asOf === undefined) return undefined
  return newestInForce(all, clock() - ENDED_MS).map(({ content }) => ({
    ...{
      id: `${content.contract} ${content.version}`,
      kind: 'CONTRACT',
      of: content.contract,
      isOfNode: false,
    },
    name: contractName(
      { id: content.contract, title: content.title, isSecret: content.secret !== undefined },
      language,
    ),
    ...{ begins: Date.parse(content.validFrom), ends: Date.parse(content.validUntil) },
  }))
}

/**
 * Another PIN is another thing, and so is the same one under another policy: both times are part of the id.
 */
function pins({ keys, node }: DeadlineRooms): Found[] {
  return keys.tokens().flatMap(({ id, name, pin }) => {
    if (pin?.setAt === undefined || pin.endsAt === undefined) return []
    return [
      {
        ...{
          id: `PIN ${node} ${id} ${pin.setAt} ${pin.endsAt}`,
          kind: 'PIN' as const,
          name,
          of: id,
          isOfNode: true,
        },
        ...{ begins: Date.parse(pin.setAt), ends: Date.parse(pin.endsAt) },
      },
    ]
  })
}

/**
 * Another number of days makes another thing, which people are told of anew. Before the first try to read one
 * back nothing is late.
 */
function backups(
  ages: Awaited<ReturnType<DeadlineRooms['backupAges']>>,
  { backupDays }: Q,
): Found[] | undefined {
  if (ages === undefined) return undefined
  const { since, madeAt = since, triedAt, provenAt = triedAt } = ages
  const found = (kind: 'BACKUP' | 'BACKUP_PROOF', from: string | undefined): Found[] => {
    if (from === undefined) return []
    const [begins, ends] = [Date.parse(from), Date.parse(from) + backupDays * DAY_MS]
    const id = `${kind} ${from} ${new Date(ends).toISOString()}`
    return [{ id, kind, name: '', of: '', isOfNode: false, begins, ends }]
  }
  return [...found('BACKUP', madeAt), ...found('BACKUP_PROOF', provenAt)]
}

/** Ids are of a bounded length in the table, whatever contracts are called. */
export function keyOf({ id }: Thing): string {
  return id.length <= 100 ? id : hash('sha256', id)
}
