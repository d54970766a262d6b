/** Compares the register before and after an act: who stops, what is left without any server, which contracts that touches; pure. */
import type { SuspendedKind } from '#schemas/global-configuration.ts'
import { idText, memberOf, parseClientId, parseServerId } from '#schemas/identifiers.ts'

/** What exchanging hangs on, at one moment. Ids in their text form. */
export type Snapshot = {
  servers: { id: string; owner: string }[]
  /** Those that are valid by time and trust. */
  certificates: { sha256: string; server: string; notAfter: string }[]
  /** Enabled registrations. */
  clients: { server: string; client: string }[]
  suspended: { kind: SuspendedKind; subject: string }[]
}

export type Affected = {
  /** With something of theirs among the rest. */
  members: string[]
  /** Clients that lose a way to exchange. */
  clients: string[]
  /** Clients that could exchange before and cannot after. */
  withoutServer: string[]
  /** Servers that worked before and do not after. */
  servers: string[]
  certificates: { sha256: string; server: string; notAfter: string }[]
}

/** What the act takes away. What it gives is not told: nothing breaks by it. */
export function compare(before: Snapshot, after: Snapshot): Affected {
  const [was, is] = [standing(before), standing(after)]
  const kept = new Set(after.certificates.map(({ sha256 }) => sha256))
  const stopped = new Set(named(after, 'certificate'))
  const stoppedBefore = new Set(named(before, 'certificate'))
  const certificates = before.certificates.filter(
    ({ sha256 }) => !stoppedBefore.has(sha256) && (!kept.has(sha256) || stopped.has(sha256)),
  )
  const servers = [...was.working].filter((id) => !is.working.has(id))
  const withoutServer = [...was.ways.keys()].filter((client) => !is.ways.has(client))
  const clients = [...was.ways].flatMap(([client, ways]) =>
    ways.length > (is.ways.get(client)?.length ?? 0) ? [client] : [],
  )
  const members = [
    ...clients.map(memberOfClient),
    ...[...servers, ...certificates.map(({ server }) => server)].map(memberOfServer),
  ]
  return {
    members: sorted(members),
    clients: sorted(clients),
    withoutServer: sorted(withoutServer),
    servers: sorted(servers),
    certificates,
  }
}

/** Servers that work, and the working servers by which each client can exchange. */
function standing(one: Snapshot): { working: Set<string>; ways: Map<string, string[]> } {
  const isSuspended = lookup(one)
  const certified = new Set(
    one.certificates.flatMap(({ sha256, server }) => (isSuspended('certificate', sha256) ? [] : [server])),
  )
  const working = new Set(
    // A suspended owner is another thing than its server: others go on to exchange by it.
    one.servers.flatMap(({ id }) => (certified.has(id) && !isSuspended('server', id) ? [id] : [])),
  )
  const ways = new Map<string, string[]>()
  const registrations = [
    ...one.clients,
    ...one.servers.map(({ id, owner }) => ({ server: id, client: owner })),
  ]
  for (const { server, client } of registrations) {
    if (!working.has(server) || isSuspended('subsystem', client)) continue
    if (isSuspended('member', memberOfClient(client))) continue
    ways.set(client, [...(ways.get(client) ?? []), server])
  }
  return { working, ways }
}

function lookup({ suspended }: Snapshot): (kind: SuspendedKind, subject: string) => boolean {
  const all = new Set(suspended.map(({ kind, subject }) => `${kind} ${subject}`))
  return (kind, subject) => all.has(`${kind} ${subject}`)
}

function named({ suspended }: Snapshot, kind: SuspendedKind): string[] {
  return suspended.flatMap((one) => (one.kind === kind ? [one.subject] : []))
}

function memberOfClient(client: string): string {
  return idText(memberOf(parseClientId(client)))
}

function memberOfServer(server: string): string {
  return idText(memberOf(parseServerId(server)))
}

function sorted(ids: string[]): string[] {
  return [...new Set(ids)].sort()
}
