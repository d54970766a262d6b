/**
 * An OpenBao with its transit engine, as a process over TLS on a loopback address, with its keys in memory:
 * sealed, unsealed, stopped as a test says.
 */
import { spawn } from 'node:child_process'
import { generateKeyPairSync, randomInt } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { Agent, request } from 'undici'
import { parseCertificate } from '#core/certificate/certificate.ts'
import { certificatePem } from '#security-server/keys/pem.ts'
import { selfSignedCertificate } from '#security-server/keys/self-signed.ts'
import { until } from './until.ts'

/** Where scripts/test/outside-tools.sh puts it. */
const PROGRAM = path.join(homedir(), '.cache/concordat/openbao-2.7.2/bao')

export const hasOpenBao = (): boolean => existsSync(PROGRAM)

type Json = Record<string, unknown>
type OpenBao = {
  url: string
  /** PEM of its own TLS certificate. */
  tlsCa: string
  rootToken: string
  /** As root; throws for any other status than 200 and 204. */
  ask(method: 'GET' | 'POST' | 'DELETE', at: string, body?: object): Promise<Json>
  seal(): Promise<void>
  unseal(): Promise<void>
}

export async function startOpenBao(t: Test): Promise<OpenBao> {
  const folder = mkdtempSync(path.join(tmpdir(), 'openbao-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const names = { hostName: 'openbao.example', ipAddresses: [address] }
  const tlsCa = certificatePem(parseCertificate(selfSignedCertificate({ privateKey, names, at: new Date() })))
  const file = (name: string): string => path.join(folder, name)
  writeFileSync(file('key.pem'), privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 })
  writeFileSync(file('certificate.pem'), tlsCa)
  writeFileSync(
    file('bao.json'),
    JSON.stringify({
      storage: { inmem: {} },
      listener: {
        tcp: {
          address: `${address}:8200`,
          tls_cert_file: file('certificate.pem'),
          tls_key_file: file('key.pem'),
        },
      },
      api_addr: `https://${address}:8200`,
      disable_mlock: true,
      log_level: 'error',
    }),
  )
  const child = spawn(PROGRAM, ['server', `-config=${file('bao.json')}`], {
    stdio: 'ignore',
    env: { HOME: folder },
  })
  t.teardown(() => void child.kill('SIGKILL'))
  const agent = new Agent({ connect: { ca: tlsCa } })
  t.teardown(() => agent.close())
  const url = `https://${address}:8200`
  const call = async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', at: string, body?: object, token = '') => {
    const answer = await request(`${url}/v1/${at}`, {
      ...{ dispatcher: agent, method, body: body === undefined ? null : JSON.stringify(body) },
      headers: token === '' ? {} : { 'x-vault-token': token },
    })
    const text = await answer.body.text()
    if (answer.statusCode !== 200 && answer.statusCode !== 204)
      throw new Error(`${method} ${at}: ${answer.statusCode} ${text}`)
    return (text === '' ? {} : JSON.parse(text)) as Json
  }
  await until('OpenBao listens', () =>
    call('GET', 'sys/seal-status').then(
      () => true,
      () => false,
    ),
  )
  const made = await call('PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 })
  const rootToken = String(made['root_token'])
  const unseal = async (): Promise<void> => {
    await call('PUT', 'sys/unseal', { key: (made['keys'] as string[])[0]! })
    await until('it is active', () =>
      call('GET', 'auth/token/lookup-self', undefined, rootToken).then(
        () => true,
        () => false,
      ),
    )
  }
  await unseal()
  const ask: OpenBao['ask'] = (method, at, body) => call(method, at, body, rootToken)
  await ask('POST', 'sys/mounts/transit', { type: 'transit' })
  return {
    ...{ url, tlsCa, rootToken, ask, unseal },
    seal: async () => void (await call('PUT', 'sys/seal', {}, rootToken)),
  }
}
