/**
 * The wallet of a living sandbox's citizen: its issuer, whom the registry trusts, its files, and what the
 * portal needs to ask it.
 */
import { writeFileSync } from 'node:fs'
import { PID } from '../wallet/pid.ts'
import { type Api, fetchText } from './client.ts'
import { folderOf, type Layout } from './layout.ts'
import { citizen, PID_ISSUER } from './portal.ts'
import { systemCertificate } from './system-keys.ts'

const ISSUER = 'wallet/issuer'
const RELYING_PARTY = 'portal/relying-party'
const PERSON = 'wallet/person.json'
/**
 * Of certificates that sign credentials (ISO/IEC 18013-5): by it the issuer is told from all others below the
 * sandbox's CA.
 */
const SIGNS_CREDENTIALS = '1.0.18013.5.1.2'

/** The issuer at the registry, before its administrators take over. */
export async function trustIssuer(registry: Api, { trust, wallet }: Layout): Promise<void> {
  if (wallet === undefined) return
  const certificate = await fetchText(`http://${trust.address}:${trust.caPort}/root`)
  await registry.send('PUT', `/trusted-issuers/${PID_ISSUER}`, {
    ...{
      name: PID_ISSUER,
      purpose: 'Signing in at the portal of the sandbox',
      types: [PID.sdJwt, PID.mdoc],
    },
    claims: [[PID.code], [PID.ageOver], [PID.mdoc, PID.code], [PID.mdoc, `age_over_${PID.ofAge}`]],
    anchors: [{ certificate }],
    signers: [{ usage: SIGNS_CREDENTIALS }],
  })
}

/** Certificates of issuer and portal, and whom the wallet is for. */
export async function makeWalletFiles(layout: Layout): Promise<void> {
  if (layout.wallet === undefined) return
  await systemCertificate(layout, ISSUER, 'Sandbox PID issuer', 'credential-issuer')
  await systemCertificate(layout, RELYING_PARTY, "Citizens' portal of the sandbox", 'relying-party')
  const { code, name, born } = citizen()
  const [givenName = '', ...rest] = name.split(' ')
  const person = { code, givenName, familyName: rest.join(' '), born }
  writeFileSync(folderOf(layout, PERSON), JSON.stringify(person), { mode: 0o600 })
}

/** What `concordat wallet` takes. */
export function walletArguments(layout: Layout, { address, port }: NonNullable<Layout['wallet']>): string[] {
  const file = (name: string): string => folderOf(layout, name)
  return [
    ...['--issuer', file(`${ISSUER}.pem`), '--key', file(`${ISSUER}.key`), '--person', file(PERSON)],
    ...['--address', address, '--port', String(port)],
  ]
}
