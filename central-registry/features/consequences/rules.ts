/**
 * Compares the register before and after an act: who loses access, who is left without any server, and which
 * certificates are lost; pure.
 */
import type { SuspendedKind } from '#schemas/global-configuration.ts'
import { idText, memberOf, parseClientId, parseServerId } from '#schemas/identifiers.ts'

/** Everything that exchanging depends on, at one moment. Ids are in their text form. */
export type Snapshot = {
  servers: { id: string; owner: string }[]
  /** Certificates that have not expired and that an approved CA issued. */
  certificates: { sha256: string; server: string; notAfter: string }[]
  /** Registrations that are not disabled. */
  clients: { server: string; client: string }[]
  suspended: { kind: SuspendedKind; subject: string }[]
}

export type Affected = {
  /** Members that own something in the other lists. */
  members: string[]
  /** Clients that can use fewer servers after the act. */
  clients: string[]
  /** Clients that can exchange before the act but not after it. */
  withoutServer: string[]
  /** Servers that work before the act but not after it. */
  servers: string[]
  certificates: { sha256: string; server: string; notAfter: string }[]
}

/** What the act takes away. What it adds is left out, because that breaks nothing. */
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

/** The servers that work, and for each client the working servers through which it can exchange. */
function standing(one: Snapshot): { working: Set<string>; ways: Map<string, string[]> } {
  const isSuspended = lookup(one)
  const certified = new Set(
    one.certificates.flatMap(({ sha256, server }) => (isSuspended('certificate', sha256) ? [] : [server])),
  )
  const working = new Set(
    // Suspending the owner does not suspend its server: other clients still use it.
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
