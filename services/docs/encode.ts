/** Documents in the contract's words. */
import {
  type Document as DocumentMessage,
  DocumentState,
  RejectionReason as ReasonMessage,
} from '@hushryd/gen/hushryd/docs/v1/docs.ts'
import { type Document, isSealed, type RejectionReason, type State } from './document.ts'

const SHOWN: Readonly<Record<State, DocumentState>> = {
  uploading: DocumentState.UPLOADING,
  processing: DocumentState.PROCESSING,
  // Before anybody sees a document, everybody has been told who has to be.
  passed: DocumentState.PROCESSING,
  available: DocumentState.AVAILABLE,
  approving: DocumentState.AVAILABLE,
  approved: DocumentState.APPROVED,
  rejecting: DocumentState.PROCESSING,
  rejected: DocumentState.REJECTED,
  deleting: DocumentState.DOCUMENT_STATE_UNSPECIFIED,
}

const NAMES = new Map(Object.entries(DocumentState).map(([name, value]) => [value, name]))

const REASONS: Readonly<Record<RejectionReason, ReasonMessage>> = {
  size_mismatch: ReasonMessage.SIZE_MISMATCH,
  checksum_mismatch: ReasonMessage.CHECKSUM_MISMATCH,
  type_not_allowed: ReasonMessage.TYPE_NOT_ALLOWED,
  type_mismatch: ReasonMessage.TYPE_MISMATCH,
  malware: ReasonMessage.MALWARE,
  damaged: ReasonMessage.DAMAGED,
  active_content: ReasonMessage.ACTIVE_CONTENT,
  hidden_content: ReasonMessage.HIDDEN_CONTENT,
  too_complex: ReasonMessage.TOO_COMPLEX,
  encrypted: ReasonMessage.ENCRYPTED,
  by_reviewer: ReasonMessage.BY_REVIEWER,
}

export function shownState({ state }: Pick<Document, 'state'>): DocumentState {
  return SHOWN[state]
}

/** As it stands on the wire in JSON. */
export function stateNameOf(state: DocumentState): string {
  return NAMES.get(state) ?? ''
}

/** The states that are shown as one; undefined for all. */
export function statesShownAs(shown: DocumentState): readonly State[] | undefined {
  if (shown === DocumentState.DOCUMENT_STATE_UNSPECIFIED) return undefined
  return (Object.keys(SHOWN) as State[]).filter((state) => SHOWN[state] === shown)
}

export function encodeDocument(
  document: Document,
  { forAdmin }: { readonly forAdmin: boolean },
): DocumentMessage {
  const { stored, rejection, review } = document
  return {
    documentId: document.id,
    userId: document.userId,
    documentType: document.type,
    fileName: document.fileName,
    state: shownState(document),
    contentType: stored?.contentType ?? document.contentType,
    sizeBytes: stored?.sizeBytes ?? document.sizeBytes,
    sha256: document.sha256,
    rejectionReason:
      document.state === 'rejected' && rejection !== undefined
        ? REASONS[rejection.reason]
        : ReasonMessage.REJECTION_REASON_UNSPECIFIED,
    rejectionText: document.state === 'rejected' ? (rejection?.text ?? '') : '',
    createdAt: document.createdMs,
    changedAt: document.changedMs,
    reviewedBy: forAdmin ? (review?.by ?? '') : '',
    reviewedAt: review?.atMs ?? 0,
    isSealed: isSealed(document.type),
    hasThumbnail: stored?.hasThumbnail ?? false,
  }
}
