/**
 * Who may call the management API: people who log in and programs with API keys. Also shows the audit log of
 * their acts.
 */

import { keyAuthentication } from '#platform/api-keys/create-api-keys.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import type { FeatureModule } from '#platform/feature.ts'
import type { Confirmation } from '#platform/http-service/confirmation.ts'
import { createPasskeys } from '#platform/passkeys/create-passkeys.ts'
import { passkeyHandlers } from '#platform/passkeys/operations.ts'
import { createPasskeyStore, passkeyMigrations } from '#platform/passkeys/store.ts'
import { peopleHandlers } from '#platform/people/routes.ts'
import { createPeopleStore, type PeopleStore } from '#platform/people/store.ts'
import type { Services } from '#platform/services.ts'
import type { Authenticate } from '#platform/sessions/authenticate.ts'
import type { Login } from '#platform/sessions/create-login.ts'
import { createSessions } from '#platform/sessions/create-sessions.ts'
import { type LoginFile, passkeySettings } from '#platform/sessions/settings.ts'
import { createSessionStore, sessionMigrations } from '#platform/sessions/store.ts'
import { idText } from '#schemas/identifiers.ts'
import { apiKeyHandlers } from './api-keys.ts'
import { claimHandlers } from './claim/routes.ts'
import { createClaimStore } from './claim/store.ts'
import { writeClaimCode } from './claim/write-code.ts'
import { createFourEyesPolicy, type FourEyesPolicy } from './four-eyes-policy.ts'
import { writeInitialApiKey } from './initial-api-key.ts'
import { openLogin } from './login.ts'
import { serverPeopleMigrations } from './migrations.ts'
import type { Needs } from './needs.ts'

type Ground = Needs &
  Pick<Services, 'database' | 'metrics' | 'log'> & {
    settings: {
      login?: (LoginFile & { claimCodeFile?: string | undefined }) | undefined
      fourEyes?: string[] | undefined
      admin: { initialApiKeyFile?: string | undefined }
    }
  }

export const people: FeatureModule<
  Ground,
  {
    people: PeopleStore
    authenticate: Authenticate
    fourEyesPolicy: FourEyesPolicy
    confirmation: Confirmation | undefined
  }
> = {
  name: 'people',
  migrations: { ...sessionMigrations, ...serverPeopleMigrations, ...passkeyMigrations },
  open: async (ground) => {
    const { database, clock, settings, apiKeys } = ground
    const { initialApiKeyFile } = settings.admin
    if (initialApiKeyFile !== undefined) await writeInitialApiKey(initialApiKeyFile, apiKeys)
    const sessions = createSessions({ database, clock })
    const store = createPeopleStore({
      ...{ database, sessions, issuer: settings.login?.issuer },
      // The last person with this role stays, because without one nobody could invite others.
      indispensable: ['XROAD_SYSTEM_ADMINISTRATOR'],
    })
    const claim = createClaimStore(database)
    const claimCodeFile = settings.login?.claimCodeFile
    if (claimCodeFile !== undefined) {
      const until = await writeClaimCode({ file: claimCodeFile, store: claim, clock })
      if (until !== undefined)
        ground.log.info(
          { file: claimCodeFile, until },
          'the first administrator comes in with the claim code',
        )
    }
    const passkeys = createPasskeys({
      ...{ sessions, people: store, clock },
      ...{ store: createPasskeyStore(database), logins: createSessionStore(database) },
      settings: settings.login && passkeySettings(settings.login),
      label: `Security server ${idText(ground.server)}`,
    })
    const fourEyesPolicy = createFourEyesPolicy({ kinds: settings.fourEyes ?? [], people: store })
    const secret = settings.login && (await readSecret(settings.login.clientSecretFile))
    let login: Login | undefined
    const byKey = keyAuthentication(apiKeys)
    return {
      operations: {
        ...apiKeyHandlers({ ...ground, passkeys, fourEyesPolicy }),
        ...peopleHandlers({ store, apiKeys, clock }),
        ...passkeyHandlers(passkeys, apiKeys),
        ...claimHandlers({ store: claim, people: store, passkeys, clock }),
      },
      routes: {
        admin: (app) => {
          if (settings.login === undefined) return
          const loginSettings = { ...settings.login, clientSecret: secret! }
          login = openLogin(
            app,
            { settings: loginSettings, metrics: ground.metrics },
            {
              ...{ ...ground, sessions, people: store, passkeys, claim },
            },
          )
        },
      },
      offers: {
        ...{ people: store, fourEyesPolicy, confirmation: passkeys.acts },
        authenticate: (authorization, request) => (login?.authenticate ?? byKey)(authorization, request),
      },
      close: async () => login?.close(),
    }
  },
}
