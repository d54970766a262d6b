/** Handlers of the operations on passkeys: one's own, and those of a person who lost theirs. */
import { answer } from '#platform/http-service/answer.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { isPlainText } from '#platform/plain-text.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Passkeys } from './create-passkeys.ts'
import type { Attested } from './verify.ts'

const MAX_NAME = 60

export function passkeyHandlers(passkeys: Pick<Passkeys, 'of' | 'optionsFor' | 'add' | 'remove'>): Handlers {
  return {
    getPasskeys: async ({ caller }) => passkeys.of(personOf(caller)),
    getPasskeyOptions: ({ caller }) => passkeys.optionsFor(caller),
    addPasskey: async ({ body, caller }) => {
      const given = body as Attested & { name: string }
      if (!isPlainText(given.name, MAX_NAME))
        throw new Fault('invalid_input', { what: say`body.name has 1 to ${MAX_NAME} printable characters` })
      return answer(await passkeys.add(caller, given), { status: 201 })
    },
    removePasskey: ({ params, caller }) => passkeys.remove(personOf(caller), params['passkey']!),
    getPasskeysOf: ({ params }) => passkeys.of(params['id']!),
    removePasskeyOf: ({ params }) => passkeys.remove(params['id']!, params['passkey']!),
  }
}

function personOf({ kind, id }: Caller): string {
  if (kind !== 'person') throw new Fault('not_in_person', { what: say`an API key has no passkeys` })
  return id
}
