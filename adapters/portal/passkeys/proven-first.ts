/** What gives something away takes a login: who came back with a passkey looks, and is led to the provider before they give. */
import { messagePage } from '../pages/welcome.ts'
import type { Answer, Rooms, Visit } from '../routing/section.ts'

/** The page that says so; undefined for whoever signed in at the provider or with a wallet. `next` is an entrance. */
export function provenFirst(
  { reader }: Pick<Visit, 'reader'>,
  { place }: Pick<Rooms, 'place'>,
  next = '/',
): Answer | undefined {
  const { words, session } = reader
  if (session.by !== 'passkey') return undefined
  const address = next.replace(/[%&+]/g, encodeURIComponent)
  const page = messagePage(place, reader, {
    ...{ title: words('passkey.prove.title'), text: words('passkey.prove.text') },
    // The session ends with the login, and with it what it knows of how to read.
    link: { href: `/login?next=${address}&language=${reader.look.language}`, text: words('passkey.signIn') },
  })
  return { page, status: 403 }
}
