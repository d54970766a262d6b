/** Asks all workers that take connections one question, and waits for each only for a limited time. */
import type { Answered } from './messages.ts'
import { type Place, say } from './place.ts'

/** Longer than a health check takes of a worker that did not stand still. */
const ANSWER_MS = 3_000

type Questions = {
  ask(question: string): Promise<Answered[]>
  /** What a worker answered to the question with this number. */
  onAnswer(id: number, worker: number, answer: unknown): void
}

export function createQuestions(places: readonly Place[]): Questions {
  const open = new Map<number, (worker: number, answer: unknown) => void>()
  let asked = 0
  return {
    ask(question) {
      const id = ++asked
      const all = places.filter(({ readyAt }) => readyAt !== undefined)
      const answers = all.map(({ number }): Answered => ({ worker: number }))
      const { promise, resolve } = Promise.withResolvers<Answered[]>()
      const missing = new Set(answers.map(({ worker }) => worker))
      const end = (): void => {
        clearTimeout(late)
        open.delete(id)
        resolve(answers)
      }
      const late = setTimeout(end, ANSWER_MS)
      open.set(id, (worker, answer) => {
        const its = answers.find((one) => one.worker === worker)
        if (its !== undefined) its.answer = answer
        missing.delete(worker)
        if (missing.size === 0) end()
      })
      for (const place of all) say(place, { worker: 'question', id, question })
      if (all.length === 0) end()
      return promise
    },
    onAnswer: (id, worker, answer) => open.get(id)?.(worker, answer),
  }
}
