/** The registry's administrators: who they are, and how they log in. */
import { type ApiKeys, keyAuthentication } from '#platform/api-keys/create-api-keys.ts'
import type { FeatureModule } from '#platform/feature.ts'
import type { Confirmation } from '#platform/http-service/confirmation.ts'
import { createPasskeys } from '#platform/passkeys/create-passkeys.ts'
import { passkeyHandlers } from '#platform/passkeys/operations.ts'
import { createPasskeyStore, passkeyMigrations } from '#platform/passkeys/store.ts'
import { peopleHandlers } from '#platform/people/routes.ts'
import type { PeopleStore } from '#platform/people/store.ts'
import type { Authenticate } from '#platform/sessions/authenticate.ts'
import type { Login } from '#platform/sessions/create-login.ts'
import { type LoginFile, passkeySettings } from '#platform/sessions/settings.ts'
import { createSessionStore, sessionMigrations } from '#platform/sessions/store.ts'
import { type LoginRooms, openLogin } from './login.ts'

type Ground = Omit<LoginRooms, 'settings' | 'clientSecret' | 'people' | 'passkeys'> & {
  people: PeopleStore
  apiKeys: ApiKeys
  settings: { login?: LoginFile | undefined }
  /** The client secret of the login; undefined without a login. */
  clientSecret: string | undefined
}

/** `authenticate`: identifies the caller, a logged-in person or a program with an API key. */
export const people: FeatureModule<
  Ground,
  { authenticate: Authenticate; confirmation: Confirmation | undefined }
> = {
  name: 'people',
  migrations: { ...sessionMigrations, ...passkeyMigrations },
  open: (ground) => {
    const { people: store, clock, settings, clientSecret = '', sessions, database } = ground
    const passkeys = createPasskeys({
      ...{ sessions, people: store, clock },
      ...{ store: createPasskeyStore(database), logins: createSessionStore(database) },
      settings: settings.login && passkeySettings(settings.login),
      label: 'Central registry',
    })
    let login: Login | undefined
    const byKey = keyAuthentication(ground.apiKeys)
    return {
      operations: {
        ...peopleHandlers({ store, apiKeys: ground.apiKeys, clock }),
        ...passkeyHandlers(passkeys, ground.apiKeys),
      },
      routes: {
        admin: (app) => {
          if (settings.login !== undefined)
            login = openLogin(app, { ...ground, settings: settings.login, clientSecret, passkeys })
        },
      },
      offers: {
        confirmation: passkeys.acts,
        authenticate: (authorization, request) => (login?.authenticate ?? byKey)(authorization, request),
      },
      close: async () => login?.close(),
    }
  },
}
