/**
 * The keys that sign the configuration, the hardware token that may hold some of them, and its custodians.
 */
import type { FeatureModule } from '#platform/feature.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { HardwareToken } from '#platform/pkcs11/hardware-token.ts'
import type { Services } from '#platform/services.ts'
import { Fault } from '#schemas/fault.ts'
import type { MemberStore } from '../../members/store.ts'
import { type Custodians, createCustodians, type PartNumber } from './custodians.ts'
import type { PrivateKeys } from './private-keys.ts'
import { signingKeyHandlers } from './routes.ts'
import type { SigningKeyStore } from './store.ts'

type Ground = Pick<Services, 'metrics' | 'clock'> & {
  keys: SigningKeyStore
  privateKeys: PrivateKeys
  /** Undefined when the settings name no token. */
  signingToken: HardwareToken | undefined
  members: MemberStore
  /** Whether changes of trust need two persons now. */
  fourEyes(): Promise<boolean>
}

export const signingKeys: FeatureModule<Ground> = {
  name: 'signing-keys',
  open: ({ keys: store, privateKeys, signingToken: token, members, metrics, fourEyes, clock }) => {
    const handlers = signingKeyHandlers({ store, privateKeys, members, clock })
    if (token === undefined) return { operations: { ...handlers, ...tokenHandlers(undefined) } }
    metrics.watch('concordat_hardware_token_open', '1 when the signing token can sign', () =>
      token.state().state === 'open' ? 1 : 0,
    )
    const custodians = createCustodians({ token, personsRequired: fourEyes, clock })
    return {
      operations: { ...handlers, ...tokenHandlers(custodians) },
      health: {
        'signing-token': async () => {
          const { state, reason } = token.state()
          const active = (await store.list()).find((key) => Number(key.is_active) === 1)
          const isNeeded = active !== undefined && (await privateKeys.whereIs(active.id)) === 'token'
          const why = reason === undefined ? '' : `: ${reason}`
          return { ok: state === 'open' || !isNeeded, reason: `token ${token.label} is ${state}${why}` }
        },
      },
    }
  },
}

function tokenHandlers(custodians: Custodians | undefined): Record<string, OperationHandler> {
  const absent = (): never => {
    throw new Fault('token_not_found', { what: 'signingToken is not configured' })
  }
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
