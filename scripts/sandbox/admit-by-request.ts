/**
 * Admits an agency to an instance: its security server files management requests, administrators read and
 * approve them.
 */
import { type Administrator, byTwo } from './administrator.ts'
import type { Api } from './client.ts'
import { type Agency, encoded, type Layout, subsystemText } from './layout.ts'

/** Reads a request and approves exactly what was read. */
export type Approve = (filed: Filed) => Promise<void>

type Filed = { request: number; kind: string; state: string }
type Read = { contentHash: string; conflicts: string[] }

/** Registers the server's authentication certificate, then its client; returns in words what was done. */
export async function admitByRequest(q: {
  server: Api
  approve: Approve
  layout: Layout
  agency: Agency
  /** SHA-256 of the server's authentication certificate. */
  certificate: string
}): Promise<string> {
  const { server, agency, layout } = q
  const client = encoded(subsystemText(layout, agency))
  const filed = [
    await server.send<Filed>('PUT', `/token-certificates/${q.certificate}/register`, {
      address: agency.address,
    }),
  ]
  await q.approve(filed[0]!)
  // The registry accepts no client for a server that it does not know yet.
  filed.push(
    await server.send<Filed>('PUT', `/clients/${client}/register`, {
      subsystemName: agency.subsystemName,
    }),
  )
  await q.approve(filed[1]!)
  const names = filed.map(({ kind, request }) => `${kind} (request ${request})`)
  return `its server filed ${names.join(' and ')}`
}

/** Both read the request: one proposes to approve it, the other approves that proposal. */
export function approveByTwo(two: [Administrator, Administrator]): Approve {
  return async ({ request, kind }) => {
    const path = `/management-requests/${request}`
    const { contentHash } = checked(kind, await two[0].get<Read>(path))
    const again = checked(kind, await two[1].get<Read>(path))
    if (again.contentHash !== contentHash) throw new Error(`${kind}: it was changed meanwhile`)
    const reason = 'The third agency of the sandbox joins.'
    await byTwo(two, { method: 'POST', path: `${path}/approve`, body: { contentHash }, reason })
  }
}

/** Before the installation is done, the operator's key can approve alone. */
export function approveByKey(registry: Api): Approve {
  return async ({ request, kind }) => {
    const path = `/management-requests/${request}`
    const { contentHash } = checked(kind, await registry.get<Read>(path))
    await registry.send('POST', `${path}/approve`, { contentHash })
  }
}

function checked(kind: string, read: Read): Read {
  if (read.conflicts.length > 0) throw new Error(`${kind}: ${read.conflicts.join('; ')}`)
  return read
}
