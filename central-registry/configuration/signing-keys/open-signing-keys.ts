/** Wires the signing keys of the configuration: their files, the token that some may lie on, its custodians, health, API. */
import path from 'node:path'
import type { Clock } from '#platform/clock.ts'
import type { Health } from '#platform/health/create-health.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import { createHardwareToken } from '#platform/pkcs11/hardware-token.ts'
import type { TokenPlace } from '#platform/pkcs11/open-session.ts'
import { Fault } from '#schemas/fault.ts'
import type { MemberStore } from '../../members/store.ts'
import { type Custodians, createCustodians, type PartNumber } from './custodians.ts'
import { openPrivateKeys, type PrivateKeys } from './private-keys.ts'
import { signingKeyHandlers } from './routes.ts'
import type { SigningKeyStore } from './store.ts'

type SigningKeys = {
  privateKeys: PrivateKeys
  /** The operations on keys and token; the token in health and metrics. */
  serve(q: {
    store: SigningKeyStore
    members: MemberStore
    health: Health
    metrics: Metrics
    fourEyes(): Promise<boolean>
  }): Record<string, OperationHandler>
  close(): void
}

/** Throws as `openPrivateKeys`. */
export async function openSigningKeys(q: {
  directory: string
  pin: string
  signingToken?: TokenPlace | undefined
  clock: Clock
}): Promise<SigningKeys> {
  const { signingToken: place, clock } = q
  const token = place && createHardwareToken({ place, clock })
  const privateKeys = await openPrivateKeys(path.join(q.directory, 'signing-keys'), q.pin, token)
  const absent = (): never => {
    throw new Fault('token_not_found', { what: 'signingToken is not configured' })
  }

  function tokenHandlers(custodians: Custodians | undefined): Record<string, OperationHandler> {
    return {
      getSigningToken: async () =>
        custodians === undefined ? { configured: false } : { configured: true, ...custodians.state() },
      giveSigningTokenPinPart: async ({ params, body, caller }) => {
        const { pinPart } = body as { pinPart: string }
        return (custodians ?? absent()).give(Number(params['part']) as PartNumber, pinPart, caller)
      },
      lockSigningToken: async () => (custodians ?? absent()).lock(),
    }
  }

  return {
    privateKeys,
    close: () => token?.close(),
    serve({ store, members, health, metrics, fourEyes }) {
      const keys = signingKeyHandlers({ store, privateKeys, members, clock })
      if (token === undefined) return { ...keys, ...tokenHandlers(undefined) }
      health.add('signing-token', async () => {
        const { state, reason } = token.state()
        const active = (await store.list()).find((key) => Number(key.is_active) === 1)
        const isNeeded = active !== undefined && (await privateKeys.whereIs(active.id)) === 'token'
        const why = reason === undefined ? '' : `: ${reason}`
        return { ok: state === 'open' || !isNeeded, reason: `token ${token.label} is ${state}${why}` }
      })
      metrics.watch('concordat_hardware_token_open', '1 when the signing token can sign', () =>
        token.state().state === 'open' ? 1 : 0,
      )
      return { ...keys, ...tokenHandlers(createCustodians({ token, personsRequired: fourEyes, clock })) }
    },
  }
}
