// The names that the first version of the API had.
const { countTokens: gpt4 } = require('gpt-tokenizer/cjs/encoding/cl100k_base');
const { countTokens: gpt4o } = require('gpt-tokenizer/cjs/encoding/o200k_base');
const { countTokens: davinci } = require('gpt-tokenizer/cjs/encoding/p50k_base');

module.exports.legacy = { gpt4, gpt4o, davinci };
