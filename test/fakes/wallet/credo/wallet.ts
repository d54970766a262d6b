/**
 * A wallet of Credo-TS as a process: it holds what it is given, and answers the requests behind links.
 * Standard input says what; the last line on standard output says what came of each. Protocol, choice of
 * credentials, their formats, signing over the request and encryption are Credo's; keys and records are kept
 * by the two files beside this one.
 */
import { EventEmitter } from 'node:events'
import { text } from 'node:stream/consumers'
import { createKeys } from './keys.ts'
import { createRecords } from './records.ts'

export type CredoTask = {
  /** Where Credo's packages are. */
  folder: string
  links: string[]
  /** The holder's private key, JWK with `kid`. */
  holder: Record<string, string>
  /** Which verifiers the wallet believes, base64 of DER. */
  trusted: string[]
  sdJwt: string
  /** IssuerSigned, base64url. */
  mdoc: string
}

export type CredoOutcome =
  | { verifier: string; chosen: string[]; transactions: number; status: number; redirectUri: string }
  | { error: string }

// biome-ignore lint/suspicious/noExplicitAny: these packages are not installed where types are checked
type Loaded = Record<string, any>

const task = JSON.parse(await text(process.stdin)) as CredoTask
const load = async (name: string): Promise<Loaded> =>
  (await import(`${task.folder}/node_modules/${name}/build/index.mjs`)) as Loaded

async function openWallet(): Promise<Loaded> {
  const [core, openid4vc] = await Promise.all([load('@credo-ts/core'), load('@credo-ts/openid4vc')])
  const manager = new core.DependencyManager()
  const records = createRecords(core.RecordNotFoundError)
  // Nothing older is held that it would have to bring up to date.
  const now = {
    id: 'STORAGE_VERSION_RECORD_ID',
    storageVersion: core.UpdateAssistant.frameworkStorageVersion,
  }
  await records.save(undefined, new core.StorageVersionRecord(now))
  manager.registerInstance(core.InjectionSymbols.StorageService, records)
  const nothing = class {}
  const dependencies = {
    FileSystem: nothing,
    WebSocketClass: nothing,
    EventEmitterClass: EventEmitter,
    fetch,
  }
  const modules = {
    kms: new core.Kms.KeyManagementModule({ backends: [createKeys()] }),
    x509: new core.X509Module({ trustedCertificates: task.trusted }),
    openid4vc: new openid4vc.OpenId4VcModule(),
  }
  const agent = new core.Agent({ config: { allowInsecureHttpUrls: true }, dependencies, modules }, manager)
  await agent.initialize()
  const { keyId: kmsKeyId } = await agent.kms.importKey({ privateJwk: task.holder })
  const sdJwts = [{ compactSdJwtVc: task.sdJwt, kmsKeyId }]
  await agent.sdJwtVc.store({ record: new core.SdJwtVcRecord({ credentialInstances: sdJwts }) })
  const mdocs = [{ issuerSignedBase64Url: task.mdoc, kmsKeyId }]
  await agent.mdoc.store({ record: new core.MdocRecord({ credentialInstances: mdocs }) })
  return agent.openid4vc.holder
}

async function answer(holder: Loaded, link: string): Promise<CredoOutcome> {
  const resolved = await holder.resolveOpenId4VpAuthorizationRequest(link)
  const credentials = holder.selectCredentialsForDcqlRequest(resolved.dcql.queryResult)
  const chosen = Object.keys(credentials)
  const transactions = (resolved.transactionData ?? []) as unknown[]
  const sent = await holder.acceptOpenId4VpAuthorizationRequest({
    authorizationRequestPayload: resolved.authorizationRequestPayload,
    dcql: { credentials },
    ...(transactions.length === 0
      ? {}
      : { transactionData: transactions.map(() => ({ credentialId: chosen[0] })) }),
  })
  return {
    verifier: resolved.verifier.effectiveClientId,
    ...{ chosen, transactions: transactions.length },
    status: sent.serverResponse.status,
    redirectUri: sent.redirectUri ?? '',
  }
}

const holder = await openWallet()
const outcomes: CredoOutcome[] = []
for (const link of task.links)
  outcomes.push(await answer(holder, link).catch((thrown: Error) => ({ error: thrown.message })))
process.stdout.write(`\n${JSON.stringify(outcomes)}\n`)
