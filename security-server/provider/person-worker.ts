/** The worker thread of find-person.ts. */
import { answerAsThread } from '#platform/threads/answer-as-thread.ts'
import { type PersonQuestion, readPerson } from './read-person.ts'

answerAsThread(async (question: PersonQuestion) => readPerson(question))
