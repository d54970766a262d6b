/**
 * The source of an X-Road instance's configuration: what a registry of ours publishes for X-Road's servers,
 * and nothing of what it publishes beside it.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'

type XRoadSource = {
  /** The registry's anchor with this source's address in it. */
  anchor(ofRegistry: Buffer): Buffer
  close(): Promise<void>
}

export async function startXRoadSource(address: string, publicUrl: string): Promise<XRoadSource> {
  const own = /^\/(?:internalconf(?:\?version=\d)?|V\d\/[\w./-]+)$/
  const server = createServer(async (request, response) => {
    const target = request.url ?? ''
    if (!own.test(target) || target.includes('-statement')) return response.writeHead(404).end()
    const { status, headers, body } = await fetch(new URL(target, publicUrl))
    response.writeHead(status, { 'content-type': headers.get('content-type') ?? '' })
    response.end(body === null ? '' : Buffer.from(await new Response(body).arrayBuffer()))
  })
  server.listen(80, address)
  await once(server, 'listening')
  return {
    anchor: (ofRegistry) =>
      Buffer.from(ofRegistry.toString().replaceAll(new URL(publicUrl).origin, `http://${address}`)),
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
