/** What ends at this server, with its time: certificates, contracts, the age of PINs, backups. */
import { hash } from 'node:crypto'
import { newestInForce } from '../../global-configuration/contracts/newest-in-force.ts'
import type { CertificateInfo } from '../../keys/keys.ts'
import { contractName } from './render-letter.ts'
import type { DeadlineRooms } from './rooms.ts'
import { DAY_MS, type Thing } from './rules.ts'
import type { DeadlineSettings } from './settings.ts'

/** `node`: whether this node alone sees it. */
type Found = Thing & { isOfNode: boolean }

type Q = Pick<DeadlineSettings, 'backupDays' | 'language'>

/** The kinds that could be looked at: of the others nobody may conclude that they ended. */
export async function thingsThatEnd(
  rooms: DeadlineRooms,
  q: Q,
): Promise<{ things: Found[]; looked: Set<Thing['kind']> }> {
  const contracts = contractsIn(rooms, q)
  const things = [
    ...(await certificates(rooms)),
    ...internalTls(rooms),
    ...(contracts ?? []),
    ...pins(rooms),
    ...(await backups(rooms, q)),
  ]
  const looked: Thing['kind'][] = [
    'SIGNING',
    'AUTHENTICATION',
    'SYSTEM_CERTIFICATE',
    'PIN',
    'BACKUP',
    'BACKUP_PROOF',
  ]
  return { things, looked: new Set(contracts === undefined ? looked : [...looked, 'CONTRACT']) }
}

/**
 * Those in use. One that another of the same use outlives is not told of: nothing stops when it ends. One that renews itself is told of
 * only when that is overdue.
 */
async function certificates({ keys, clock, renewalOf }: DeadlineRooms): Promise<Found[]> {
  const active = keys
    .tokens()
    .flatMap((token) => token.keys)
    .flatMap((key) => key.certificates)
    .filter((one) => one.active)
  const now = new Date(clock()).toISOString()
  const found: Found[] = []
  for (const one of active) {
    if (active.some((other) => outlives(other, one, now))) continue
    const renewal = await renewalOf(one.sha256)
    if (renewal !== undefined && renewal.overdue === undefined) continue
    found.push({
      ...{ id: one.sha256, kind: one.usage, name: `${one.subject} (${one.serialNumber})`, of: one.keyId },
      ...{ begins: Date.parse(one.notBefore), ends: Date.parse(one.notAfter), isOfNode: true },
      ...(renewal?.overdue !== undefined && { overdue: renewal.overdue }),
    })
  }
  return found
}

function outlives(other: CertificateInfo, one: CertificateInfo, now: string): boolean {
  const isSameUse = other.usage === one.usage && other.member === one.member
  const isUsable = other.state === 'registered' && other.ocsp.state === 'good' && other.notBefore <= now
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

/** Undefined before the first list was fetched. */
function contractsIn({ contracts }: DeadlineRooms, { language }: Q): Found[] | undefined {
  const { asOf, contracts: all } = contracts.view()
  if (asOf === undefined) return undefined
  return newestInForce(all).map(({ content }) => ({
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

/** Another PIN is another thing: its time of setting is part of the id. */
function pins({ keys, node }: DeadlineRooms): Found[] {
  return keys.tokens().flatMap(({ id, name, pin }) => {
    if (pin?.setAt === undefined || pin.endsAt === undefined) return []
    return [
      {
        ...{ id: `PIN ${node} ${id} ${pin.setAt}`, kind: 'PIN' as const, name, of: id, isOfNode: true },
        ...{ begins: Date.parse(pin.setAt), ends: Date.parse(pin.endsAt) },
      },
    ]
  })
}

async function backups({ backupAges }: DeadlineRooms, { backupDays }: Q): Promise<Found[]> {
  const ages = await backupAges()
  if (ages === undefined) return []
  const { since, madeAt = since, provenAt = since } = ages
  return [
    { kind: 'BACKUP' as const, from: madeAt },
    { kind: 'BACKUP_PROOF' as const, from: provenAt },
  ].map(({ kind, from }) => ({
    ...{ id: `${kind} ${from}`, kind, name: '', of: '', isOfNode: false },
    ...{ begins: Date.parse(from), ends: Date.parse(from) + backupDays * DAY_MS },
  }))
}

/** Ids are of a bounded length in the table, whatever contracts are called. */
export function keyOf({ id }: Thing): string {
  return id.length <= 100 ? id : hash('sha256', id)
}
