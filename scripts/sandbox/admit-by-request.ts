/** How an agency joins an instance: its security server files management requests, an administrator reads and approves them. */
import type { Api } from './client.ts'
import { type Agency, encoded, type Layout, subsystemText } from './layout.ts'

type Filed = { request: number; kind: string; state: string }
type Read = { contentHash: string; conflicts: string[] }

/** The server's authentication certificate, then its client; says in words what was done. */
export async function admitByRequest(q: {
  server: Api
  registry: Api
  layout: Layout
  agency: Agency
  /** SHA-256 of its authentication certificate. */
  certificate: string
}): Promise<string> {
  const { server, agency, layout } = q
  const client = encoded(subsystemText(layout, agency))
  const filed = [
    await server.send<Filed>('PUT', `/token-certificates/${q.certificate}/register`, {
      address: agency.address,
    }),
  ]
  await approve(q.registry, filed[0]!)
  // The registry takes no client for a server that it does not know yet.
  filed.push(
    await server.send<Filed>('PUT', `/clients/${client}/register`, {
      subsystemName: agency.subsystemName,
    }),
  )
  await approve(q.registry, filed[1]!)
  const names = filed.map(({ kind, request }) => `${kind} (request ${request})`)
  return `its server filed ${names.join(' and ')}, an administrator approved both`
}

/** What was read is what is approved: its hash goes along. */
async function approve(registry: Api, { request, kind }: Filed): Promise<void> {
  const { contentHash, conflicts } = await registry.get<Read>(`/management-requests/${request}`)
  if (conflicts.length > 0) throw new Error(`${kind}: ${conflicts.join('; ')}`)
  await registry.send('POST', `/management-requests/${request}/approve`, { contentHash })
}
