/**
 * What gives something away takes a login: who came back with a passkey looks, and is led to the provider
 * before they give.
 */
import { signInAt } from '../pages/frame.ts'
import { messagePage } from '../pages/welcome.ts'
import type { Answer, Rooms, Visit } from '../routing/section.ts'

/**
 * The page that says so; undefined for whoever signed in at the provider or with a wallet. `next` is an
 * entrance.
 */
export function provenFirst(
  { reader }: Pick<Visit, 'reader'>,
  { place }: Pick<Rooms, 'place'>,
  next = '/',
): Answer | undefined {
  const { words, session } = reader
  if (session.by !== 'passkey') return undefined
  const page = messagePage(place, reader, {
    ...{ title: words('passkey.prove.title'), text: words('passkey.prove.text') },
    link: { href: signInAt('/login', next, reader.look), text: words('passkey.signIn') },
  })
  return { page, status: 403 }
}
