/** Which addresses of the portal people may come to from elsewhere, such as a link in an agency's page. */
import type { Section } from './section.ts'

/** A number or a random text: no dot, no slash, nothing that a browser would read otherwise. */
const SEGMENT = '[A-Za-z0-9_-]{1,200}'

export function entrancesOf(sections: readonly Section[]): (address: string) => boolean {
  const entrances = sections
    .flatMap(({ routes }) => routes)
    .filter(({ isEntrance }) => isEntrance === true)
    .map(({ path }) => new RegExp(`^${path.replace(/:\w+/g, SEGMENT)}$`))
  return (address) => entrances.some((one) => one.test(address))
}
