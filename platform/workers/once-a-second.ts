/** Any number of balancers and scrapes cost one look a second. */
const KEPT_MS = 1000

/**
 * Who asks the same within a second of another gets what that one gets. There are few questions: each is
 * kept.
 */
export function onceASecond<Found>(
  look: (question: string) => Promise<Found>,
  now: () => number = () => performance.now(),
): (question: string) => Promise<Found> {
  const last = new Map<string, { at: number; found: Promise<Found> }>()
  return (question) => {
    const known = last.get(question)
    if (known !== undefined && now() - known.at < KEPT_MS) return known.found
    const found = look(question)
    last.set(question, { at: now(), found })
    return found
  }
}
