/** Handlers of the operations on passkeys: one's own, and those of a person who lost theirs. */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import { answer } from '#platform/http-service/answer.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { makersOf } from '#platform/people/second-person.ts'
import { isPlainText } from '#platform/plain-text.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Passkeys } from './create-passkeys.ts'
import type { Attested } from './verify.ts'

const MAX_NAME = 60

export function passkeyHandlers(
  passkeys: Pick<Passkeys, 'of' | 'optionsFor' | 'add' | 'remove' | 'giveCode'>,
  apiKeys: Pick<ApiKeys, 'find'>,
): Handlers {
  return {
    getPasskeys: async ({ caller }) => passkeys.of(personOf(caller)),
    getPasskeyOptions: ({ caller }) => passkeys.optionsFor(caller),
    addPasskey: async ({ body, caller, isConfirmed = false }) => {
      const given = body as Attested & { name: string; code?: string }
      if (!isPlainText(given.name, MAX_NAME))
        throw new Fault('invalid_input', { what: say`body.name has 1 to ${MAX_NAME} printable characters` })
      return answer(await passkeys.add(caller, given, isConfirmed), { status: 201 })
    },
    removePasskey: ({ params, caller }) => passkeys.remove(personOf(caller), params['passkey']!),
    getPasskeysOf: ({ params }) => passkeys.of(params['id']!),
    givePasskeyCode: async ({ params, caller }) => {
      const person = params['id']!
      if ([caller.id, ...(await makersOf(caller.id, apiKeys))].includes(person))
        throw new Fault('not_second_person', { what: say`nobody gives themselves the code` })
      return answer(await passkeys.giveCode(person), { status: 201 })
    },
    removePasskeyOf: ({ params }) => passkeys.remove(params['id']!, params['passkey']!),
  }
}

function personOf({ kind, id }: Caller): string {
  if (kind !== 'person') throw new Fault('not_in_person', { what: say`an API key has no passkeys` })
  return id
}
