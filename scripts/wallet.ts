/**
 * `concordat wallet`: a wallet for trying, on a loopback address, whose credentials an issuer of the caller's
 * own signs.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { createLog } from '#platform/logging/create-log.ts'
import { isLoopback } from '#platform/sessions/settings.ts'
import { Fault } from '#schemas/fault.ts'
import { readKey } from './wallet/keys.ts'
import { serveWallet, type WalletPerson } from './wallet/serve-wallet.ts'

const USAGE = `Usage: concordat wallet --issuer issuer.pem --key issuer.key --person person.json [--address 127.0.0.1] [--port 9460]

A wallet for trying: it holds the person identification data of one person, as SD-JWT VC and as mobile document, and answers
requests of verifiers on this machine, by link or by the text of a QR code. Its credentials prove nothing elsewhere.

  --issuer   who signs the credentials: PEM, the signer's certificate first, without the root
  --key      its P-256 key, PEM
  --person   {"code", "givenName", "familyName"}, JSON
  --address  a loopback address
  --port     9460 by default
`
const PEM = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      ...{ issuer: { type: 'string' }, key: { type: 'string' }, person: { type: 'string' } },
      address: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '9460' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const { issuer, key, person, address } = values
  if (issuer === undefined || key === undefined || person === undefined) {
    process.stderr.write(USAGE)
    return 2
  }
  const port = Number(values.port)
  if (!isLoopback(address) || !Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Fault('invalid_input', {
      what: 'the wallet is for this machine: a loopback address and a port are needed',
    })
  const chain = [...readFileSync(issuer, 'latin1').matchAll(PEM)].map(([, base64 = '']) =>
    Buffer.from(base64, 'base64'),
  )
  const serving = await serveWallet({
    issuer: { chain, key: readKey(readFileSync(key, 'utf8')) },
    person: personIn(readFileSync(person, 'utf8')),
    listen: { address, port },
    log: createLog({ name: 'wallet', level: 'warn' }),
  })
  process.stdout.write(`A wallet for trying: http://${address}:${port}/\n`)
  process.send?.({ ready: true })
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  await serving.close()
  return 0
}

function personIn(text: string): WalletPerson {
  const given = JSON.parse(text) as Record<string, unknown>
  const { code, givenName, familyName, born } = given
  if (typeof code !== 'string' || typeof givenName !== 'string' || typeof familyName !== 'string')
    throw new Fault('invalid_input', { what: 'a person has code, givenName and familyName' })
  if (born !== undefined && (typeof born !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(born)))
    throw new Fault('invalid_input', { what: 'born is a day like 1990-01-31' })
  return { code, givenName, familyName, ...(born !== undefined && { born }) }
}
