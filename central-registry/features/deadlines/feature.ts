/**
 * Letters before something ends: to members about what is theirs, to administrators about what is the
 * registry's.
 */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { FeatureModule } from '#platform/feature.ts'
import { certificatesInFiles } from '#platform/metrics/watch-certificates.ts'
import type { Services } from '#platform/services.ts'
import type { Change } from '../../changes/store.ts'
import type { PutMail } from '../../members/contacts/letters-store.ts'
import { createLook } from './look-store.ts'
import { deadlineMigrations } from './migrations.ts'
import type { DeadlineSettings } from './settings.ts'
import { createEndingThings, notLongOver, ofCertificate, type Thing } from './things-store.ts'

type Ground = Pick<Services, 'database' | 'clock' | 'log'> & {
  settings: { deadlines?: DeadlineSettings | undefined }
  record: Change
  apiKeys: Pick<ApiKeys, 'ending'>
  /** Undefined without a mail server. */
  letters: { put: PutMail } | undefined
}

const LOOK_SECONDS = 3600
const AHEAD_MS = 60 * 86_400_000
const MOST_KEYS = 1000

export const deadlines: FeatureModule<Ground> = {
  name: 'deadlines',
  migrations: deadlineMigrations,
  open: async ({ settings, letters, apiKeys, ...ground }) => {
    if (settings.deadlines === undefined || letters === undefined) return {}
    const inRegister = createEndingThings(ground.database)
    // Read at the start, as the listeners read them.
    const listeners = (await certificatesInFiles(settings)).map(
      ({ of, der }): Thing => ({ kind: 'LISTENER', name: of, of: '', members: [], ...ofCertificate(der) }),
    )
    const keys = async (now: number): Promise<Thing[]> => {
      const [after, before] = [now, now + AHEAD_MS].map((ms) => new Date(ms).toISOString())
      const ending = await apiKeys.ending({ after: after!, before: before!, limit: MOST_KEYS })
      return ending.map(({ id, name, createdAt, expiresAt }) => ({
        ...{ id, kind: 'API_KEY', name, of: '', members: [] },
        ...{ begins: Date.parse(createdAt), ends: Date.parse(expiresAt!) },
      }))
    }
    const look = createLook({
      ...{ ...ground, put: letters.put, to: settings.deadlines.to },
      things: async (now, own) => [
        ...(await inRegister(now, own)),
        ...(await own.each(['API keys'], String, () => keys(now))).flat(),
        ...notLongOver(listeners, now),
      ],
    })
    return {
      jobs: [
        {
          ...{ kind: 'look-for-deadlines', everySeconds: LOOK_SECONDS, onEachNode: true, immediately: true },
          run: ({ signal }) => look(signal),
        },
      ],
    }
  },
}
