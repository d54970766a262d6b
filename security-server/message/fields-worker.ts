/** The worker thread of cut-fields.ts. */
import { answerAsThread } from '#platform/threads/answer-as-thread.ts'
import { cutDocument, type FieldQuestion } from './cut-document.ts'

answerAsThread(async (question: FieldQuestion) => cutDocument(question))
