/** The jobs and checks of keys in a running server: fetching OCSP responses, watching hardware tokens. */
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import { hardwareFinding } from './hardware-finding.ts'
import type { Keys } from './keys.ts'

type Ground = Pick<Services, 'metrics'> & { keys: Keys }

export const ownKeys: FeatureModule<Ground> = {
  name: 'keys',
  open: ({ keys, metrics }) => {
    const hasHardware = hardwareFinding(keys.tokens()) !== undefined
    if (hasHardware)
      metrics.watch(
        'concordat_hardware_token_open',
        '1 when the hardware token, or the transit engine, can sign',
        'token',
        async () =>
          keys
            .tokens()
            .filter(({ type }) => type !== 'SOFTWARE')
            .map(({ name, loggedIn }) => [name, loggedIn ? 1 : 0]),
      )
    return {
      // Runs often but rarely asks a responder: a response may be fresh for a minute only.
      jobs: [{ kind: 'refresh-ocsp', everySeconds: 10, onEachNode: true, run: () => keys.refreshOcsp() }],
      health: {
        keys: () => {
          keys.authenticationIdentity()
          return { ok: true }
        },
        ...(hasHardware && { 'hardware-tokens': () => hardwareFinding(keys.tokens())! }),
      },
    }
  },
}
