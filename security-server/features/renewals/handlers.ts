/** What renews itself: begun, looked at, hurried and stopped by the officers who keep the keys. */

import { parseCertificate } from '#core/certificate/certificate.ts'
import { type Caller, checkRoles } from '#platform/http-service/caller.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { colonForm, memberIdOf } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, memberOf } from '#schemas/identifiers.ts'
import { kept, say } from '#schemas/said.ts'
import { acmeCaOf, holds } from './order.ts'
import { iso, type RenewalRooms } from './rooms.ts'
import { checkDnsName, namesOf, retiredBy } from './rules.ts'
import type { Renewal, RenewalStore } from './store.ts'

type Begun = { usage: Renewal['usage']; memberId?: string; caName: string; dnsName?: string }
type HandlerRooms = Pick<
  RenewalRooms,
  'server' | 'node' | 'sharesKeys' | 'keys' | 'globalConfiguration' | 'store' | 'clock'
> & {
  /** Whether the member has a client at this server, registered or not. */
  isClient(member: string): boolean
  /** Whether the settings say how CAs are shown that a name is ours. */
  isSet: boolean
}

export function renewalHandlers(rooms: HandlerRooms): Handlers {
  const { store, clock, keys } = rooms

  async function kept(caller: Caller, id: string): Promise<Renewal> {
    const row = await store.find(id)
    if (row === undefined) throw new Fault('not_found', { what: say`no such renewal` })
    checkKeeps(caller, row.usage)
    return row
  }

  return {
    getCertificateRenewals: async () => ({
      available: rooms.isSet,
      renewals: await Promise.all((await store.list()).map((row) => view(rooms, row))),
      authorities: authoritiesOf(rooms),
    }),
    async beginCertificateRenewal({ body, caller }) {
      const { usage, memberId, caName, dnsName } = body as Begun
      checkKeeps(caller, usage)
      if (!rooms.isSet) throw new Fault('conflict', { what: say`the settings of this server have no acme` })
      const ca = acmeCaOf(rooms, caName)
      if (usage === 'SIGNING' && ca.authenticationOnly)
        throw new Fault('incorrect_certificate', {
          what: say`the CA is not approved for signing certificates`,
        })
      const member =
        usage === 'SIGNING'
          ? idText(memberId === undefined ? memberOf(rooms.server) : memberIdOf(memberId))
          : null
      if (member !== null && member !== idText(memberOf(rooms.server)) && !rooms.isClient(member))
        throw new Fault('not_found', {
          what: say`a client of the member ${colonForm(member)} at this server: add it first`,
        })
      const current = presentOf(rooms, usage, member)
      const present =
        current === undefined ? undefined : namesOf(parseCertificate(keys.certificateDer(current)))[0]
      const address = rooms.globalConfiguration.current().index.server(rooms.server)?.address
      const now = iso(clock())
      const { node } = rooms
      const id = `${member === null ? usage : `${usage}:${colonForm(member)}`}@${node}`
      const row = {
        ...{
          id,
          node,
          usage,
          member,
          ca: caName,
          state: 'WAITING',
          is_stopped: 0,
          next_at: now,
          changed_at: now,
        },
        dns_name: checkDnsName(dnsName ?? (usage === 'AUTHENTICATION' ? (present ?? address) : address)),
        ...{
          current: current ?? null,
          key_id: null,
          order_url: null,
          next_certificate: null,
          filed_at: null,
          filed_request: null,
          retired: null,
          settles_at: null,
          waits_since: null,
        },
        ...{ tries: 0, error_code: null, error_text: null, revision: 0 },
      } satisfies Renewal
      await store.begin(row, (others) => checkNotElsewhere(rooms, { usage, member }, others))
      await store.note(id, { at: now, step: 'BEGUN', detail: caller.name.slice(0, 200) })
      return view(rooms, (await store.find(id))!)
    },
    async renewCertificateNow({ params, caller }) {
      const row = await kept(caller, params['renewal']!)
      const state = row.state === 'WAITING' ? { state: 'ORDERING' as const } : {}
      const changed = await store.change(row, { ...state, next_at: iso(clock()), changed_at: iso(clock()) })
      await store.note(row.id, { at: iso(clock()), step: 'HURRIED', detail: caller.name.slice(0, 200) })
      return view(rooms, changed)
    },
    async stopCertificateRenewal({ params, caller }) {
      const { id } = await kept(caller, params['renewal']!)
      const at = iso(clock())
      await store.stop(id, at)
      await store.note(id, { at, step: 'STOPPED', detail: caller.name.slice(0, 200) })
    },
  }
}

/**
 * Throws `conflict` when another node goes on with it by keys that this one has too: each would order
 * certificates of its own.
 */
function checkNotElsewhere(
  { node, keys, sharesKeys }: HandlerRooms,
  q: Pick<Renewal, 'usage' | 'member'>,
  others: Renewal[],
): void {
  const other = others.find(
    (row) =>
      row.node !== node &&
      row.is_stopped === 0 &&
      row.usage === q.usage &&
      row.member === q.member &&
      (sharesKeys || (row.current !== null && holds(keys, row.current))),
  )
  if (other !== undefined)
    throw new Fault('conflict', {
      what: say`this certificate renews itself already, at the node ${other.node}`,
    })
}

/**
 * As in X-Road: signing keys are both officers' to keep, the authentication key is the security officer's
 * alone.
 */
function checkKeeps(caller: Caller, usage: Renewal['usage']): void {
  if (usage === 'AUTHENTICATION') checkRoles(caller, ['XROAD_SECURITY_OFFICER'])
}

function authoritiesOf({ globalConfiguration }: HandlerRooms) {
  try {
    return globalConfiguration
      .current()
      .index.shared.approvedCas.filter((ca) => ca.acmeServer !== undefined)
      .map(({ name, authenticationOnly, acmeServer }) => ({ name, authenticationOnly, ...acmeServer }))
  } catch {
    // Without a configuration there are none; other pages say why.
    return []
  }
}

/** The active certificate with the last end. */
function presentOf(
  { keys }: HandlerRooms,
  usage: Renewal['usage'],
  member: string | null,
): string | undefined {
  const [present] = keys
    .tokens()
    .flatMap((token) => token.keys.flatMap((key) => key.certificates))
    .filter((one) => one.usage === usage && one.active && (member === null || one.member === member))
    .toSorted((a, b) => Date.parse(b.notAfter) - Date.parse(a.notAfter))
  return present?.sha256
}

async function view({ store, keys }: { store: RenewalStore; keys: RenewalRooms['keys'] }, row: Renewal) {
  const steps = await store.steps(row.id)
  return {
    ...{
      id: row.id,
      node: row.node,
      usage: row.usage,
      caName: row.ca,
      dnsName: row.dns_name,
      state: row.state,
    },
    ...(row.member === null ? {} : { memberId: colonForm(row.member) }),
    ...{ stopped: row.is_stopped === 1, nextAt: row.next_at, changedAt: row.changed_at, tries: row.tries },
    ...(row.current === null ? {} : { certificateSha256: row.current }),
    ...(row.next_certificate === null ? {} : { nextCertificateSha256: row.next_certificate }),
    ...(row.error_code === null ? {} : { error: { code: row.error_code, message: kept(row.error_text) } }),
    // Nothing uses them any more: somebody may remove them, at a node that has them.
    removable: retiredBy(row).filter((sha256) => holds(keys, sha256) && !keys.certificate(sha256).active),
    steps,
  }
}
