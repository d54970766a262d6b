/**
 * Leaves out of the shared parameters what is suspended, where the registry's policy says so: X-Road's
 * servers read no suspension list, so they go on until a server or client is gone from their configuration.
 * The register keeps everything; pure.
 */

/** The rows of the register that it looks at. */
type Rows = {
  parameters: Parameter[]
  suspended: { kind: string; subject: string }[]
  servers: { id: string }[]
  certificates: { sha256: string }[]
  clients: { server: string; client: string; is_disabled: number }[]
}
type Parameter = { name: string; value: string }

/** The system parameter that holds the policy; its value is `true` or `false`. */
export const LEAVE_CONFIGURATION = 'suspendedLeaveConfiguration'

export function doLeaveIn(parameters: Parameter[]): boolean {
  return parameters.some(({ name, value }) => name === LEAVE_CONFIGURATION && value === 'true')
}

/**
 * The rows without suspended servers, authentication certificates and clients. A suspended member is no
 * client any more; a server that it owns leaves too, unless a client of another member is registered there:
 * an owner cannot be taken from its server.
 */
export function withoutSuspended<R extends Rows>(rows: R): R {
  if (!doLeaveIn(rows.parameters) || rows.suspended.length === 0) return rows
  const suspended = new Set(rows.suspended.map(({ kind, subject }) => `${kind} ${subject}`))
  const isOut = (id: string): boolean =>
    suspended.has(`subsystem ${id}`) || suspended.has(`member ${memberIn(id)}`)
  const clients = rows.clients.filter(({ client }) => !isOut(client))
  const hosts = new Set(
    clients.flatMap(({ server, client, is_disabled }) =>
      is_disabled === 0 && memberIn(client) !== memberIn(server) ? [server] : [],
    ),
  )
  return {
    ...rows,
    clients,
    servers: rows.servers.filter(
      ({ id }) =>
        !suspended.has(`server ${id}`) && (hosts.has(id) || !suspended.has(`member ${memberIn(id)}`)),
    ),
    certificates: rows.certificates.filter(({ sha256 }) => !suspended.has(`certificate ${sha256}`)),
  }
}

/** The member of a client or server, all in their text form. */
function memberIn(id: string): string {
  return id.split('/', 3).join('/')
}
