/** A verifier in this process, and what its wallets and services hold. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { Agent, request } from 'undici'
import { emptyFolder, ownAddress } from '#adapters/kit/kit-fixture.ts'
import { readWorkerSettings, serveWorker } from '#adapters/kit/serve-worker.ts'
import { newKey } from '#core/certificate/certificate-fixture.ts'
import { testVerifier } from '#core/presentation/presentation-fixture.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { authorityOf, PERSON } from '#test/fakes/wallet/authority.ts'
import type { VerifierSettings } from './settings.ts'
import { verifier } from './verifier.ts'

const DAY = 86_400_000
export const VALID = { notBefore: new Date(Date.now() - DAY), notAfter: new Date(Date.now() + DAY) }
export const state = authorityOf('State', [PERSON], VALID)
export const stranger = authorityOf('Stranger', [PERSON], VALID)
const asWhom = testVerifier('x509_hash', VALID)
const holder = newKey()
const CODE = 'P00000007'
export const wallet = {
  ...{ authority: state, holder, disclose: ['personal_code'] },
  attributes: { personal_code: CODE, family_name: 'Mets' },
}
export const pem = (der: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`
export const keyPem = (pair: typeof holder): string =>
  String(pair.privateKey.export({ format: 'pem', type: 'pkcs8' }))

/** A verifier in the test's own process; `changes` to its settings file. */
export async function start(t: Test, changes: object = {}) {
  const [address, folder] = [ownAddress(), emptyFolder(t)]
  const write = (name: string, content: string): string => {
    writeFileSync(path.join(folder, name), content, { mode: 0o600 })
    return `./${name}`
  }
  const issuers = [{ name: 'State', types: [PERSON], anchors: [state.anchorDer.toString('base64')] }]
  const settings = {
    wallets: { address, baseUrl: `http://${address}:9460` },
    ...{ services: { address }, monitoring: { address } },
    certificateFile: write('verifier.pem', asWhom.chain.map(pem).join('')),
    keyFile: write('verifier.key', keyPem(asWhom.key)),
    trustedIssuersFile: write('issuers.json', JSON.stringify(issuers)),
    ...changes,
  }
  const file = path.join(folder, 'verifier.yaml')
  writeFileSync(file, JSON.stringify(settings))
  const lines: string[] = []
  const log = createLog({ name: 'test', destination: { write: (line) => void lines.push(line) } })
  const running = await serveWorker(
    verifier,
    await readWorkerSettings<VerifierSettings>(verifier, file, {}),
    log,
  )
  t.teardown(() => running.stop())
  const dispatcher = new Agent()
  t.teardown(() => dispatcher.close())
  const ask = async (target: string, body?: unknown, headers: Record<string, string> = {}) => {
    const answer = await request(`http://${address}:9461${target}`, {
      dispatcher,
      method: body === undefined ? 'GET' : 'POST',
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const bytes = Buffer.from(await answer.body.arrayBuffer())
    const text = bytes.toString()
    const json = text.startsWith('{') ? (JSON.parse(text) as Record<string, string>) : undefined
    return { status: answer.statusCode, headers: answer.headers, bytes, text, json }
  }
  return { address, lines, ask, monitor: `http://${address}:9444` }
}
