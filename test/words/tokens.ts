import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';

/** Tokens of a text by o200k_base. */
export const tokens = (text: string): number => countTokens(text);
