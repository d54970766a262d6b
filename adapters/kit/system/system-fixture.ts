/**
 * An agency's system as a real fastify service, with a real OAuth token endpoint, for the tests of adapters
 * that call one.
 */
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { type FastifyInstance, type FastifyRequest, fastify } from 'fastify'
import Provider from 'oidc-provider'
import type { Test } from 'tap'
import { ownAddress } from '#adapters/kit/kit-fixture.ts'
import { selfSignedCertificate } from '#security-server/keys/self-signed.ts'
import { certificatePem } from '#security-server/local-systems/view.ts'

/** A file with a secret that only its owner can read. */
export function secretFile(folder: string, name: string, secret: string): string {
  const file = path.join(folder, name)
  writeFileSync(file, `${secret}\n`, { mode: 0o600 })
  return file
}

/** A key with a certificate that it signed itself, in files. */
export function identity(folder: string, name: string, address: string) {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const names = { hostName: name, ipAddresses: [address] }
  const certificate = certificatePem(selfSignedCertificate({ privateKey, names, at: new Date() }))
  const key = String(privateKey.export({ format: 'pem', type: 'pkcs8' }))
  const [certificateFile, keyFile] = [path.join(folder, `${name}.pem`), path.join(folder, `${name}.key`)]
  writeFileSync(certificateFile, certificate)
  writeFileSync(keyFile, key, { mode: 0o600 })
  return { certificate, key, certificateFile, keyFile }
}

type StartedSystem = { url: string; app: FastifyInstance; seen: FastifyRequest[] }

/** Serves what `routes` adds; remembers every request. Ends with the test. */
export async function startSystem(
  t: Test,
  routes: (app: FastifyInstance) => void,
  q: { https?: ServerOptions; address?: string; port?: number } = {},
): Promise<StartedSystem> {
  const { https, address = ownAddress(), port = 0 } = q
  const app = fastify({ ...(https && { https }), forceCloseConnections: true } as object) as FastifyInstance
  const seen: FastifyRequest[] = []
  app.addHook('onRequest', async (request) => void seen.push(request))
  routes(app)
  t.teardown(() => app.close())
  await app.listen({ host: address, port })
  const at = (app.server.address() as AddressInfo).port
  return { url: `${https ? 'https' : 'http'}://${address}:${at}`, app, seen }
}

export const CLIENT = { id: 'concordat adapter', secret: 'a secret: of the tests + more %' }

/** A real token endpoint with client credentials; `asked` counts the tokens that it gave. */
export async function startTokenEndpoint(
  t: Test,
  q: { seconds?: number } = {},
): Promise<{ tokenUrl: string; asked(): number; isValid(token: string): Promise<boolean> }> {
  const server = createServer((request, response) => handle(request, response))
  const address = ownAddress()
  await new Promise<void>((resolve) => void server.listen(0, address, resolve))
  const issuer = `http://${address}:${(server.address() as AddressInfo).port}`
  const provider = new Provider(issuer, {
    clients: [
      {
        ...{ client_id: CLIENT.id, client_secret: CLIENT.secret, redirect_uris: [], response_types: [] },
        ...{ grant_types: ['client_credentials'], token_endpoint_auth_method: 'client_secret_basic' },
      },
    ],
    scopes: ['read'],
    cookies: { keys: ['test'] },
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
    ttl: { ClientCredentials: q.seconds ?? 600 },
  })
  const handle = provider.callback()
  let asked = 0
  server.on('request', () => void asked++)
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    tokenUrl: `${issuer}/token`,
    asked: () => asked,
    isValid: async (token) => (await provider.ClientCredentials.find(token)) !== undefined,
  }
}
