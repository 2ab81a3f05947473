// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BondRegistry} from "./BondRegistry.sol";
import {BondSlashing} from "./BondSlashing.sol";
import {MerkleLog} from "./MerkleLog.sol";

/**
 * @title The stake behind a sequencer's checkpoints
 * @notice Signing two checkpoints that cannot both be true costs the whole stake, by a proof that anyone can submit.
 * BondRegistry keeps the stakes, BondSlashing takes them on complete evidence; here is what needs a deadline: where
 * the data of two signed heads is withheld, anyone bonds a challenge, and the operator shows that the larger tree
 * extends the smaller in time, or is slashed. So an operator that loses its data can lose its stake.
 * No proxy, no owner, no pause: a log names this contract in its genesis for ever.
 */
contract SequencerBond is BondSlashing {
    /// @notice Gas that an answer never exceeds; a challenge pays at least ten times as much to whoever answers.
    uint256 public constant ANSWER_GAS_MAX = 200_000;

    mapping(bytes32 id => Challenge) private _challenges;

    constructor(Parameters memory parameters) BondRegistry(parameters) {}

    /**
     * @notice Asks for a proof that the newer head extends the older. Each pair of heads can be asked about once.
     * The value is the challenge's bond: it pays the answer, or returns with the reward if none comes.
     */
    function challenge(bytes32 logId, SignedCheckpoint calldata older, SignedCheckpoint calldata newer)
        external
        payable
        returns (bytes32 id)
    {
        if (older.size >= newer.size) revert MerkleLog.SizesNotAscending(older.size, newer.size);
        uint256 minimum = challengeBond();
        if (msg.value < minimum) revert ChallengeBondTooSmall(minimum);
        (address operator, Bond storage bond,,) = _bondOfBoth(logId, older, newer);
        uint64 deadline = uint64(block.timestamp) + answerWindow;
        if (bond.status == Status.Exiting && deadline > bond.exitAt) revert TooLate(bond.exitAt - answerWindow);
        Question memory question = Question(logId, operator, older.size, older.root, newer.size, newer.root);
        id = challengeId(question);
        if (_challenges[id].state != ChallengeState.None) revert AlreadyChallenged(id);
        _challenges[id] = Challenge(msg.sender, deadline, ChallengeState.Open, msg.value);
        ++bond.openChallenges;
        emit Challenged(logId, operator, id, question, msg.sender, deadline, msg.value);
    }

    /**
     * @notice Answers a challenge, until its deadline and whoever sends it; the sender is owed the challenge's bond.
     * @param seed The largest perfect subtree that ends at leaf `oldSize`, explicit also where it is the old root.
     * @param path The other hashes of the consistency proof.
     */
    function answer(Question calldata question, bytes32 seed, bytes32[] calldata path) external {
        (bytes32 id, Challenge storage asked, Bond storage bond) = _open(question);
        _requireLive(bond);
        if (block.timestamp > asked.deadline) revert TooLate(asked.deadline);
        (bytes32 oldRoot, bytes32 newRoot) =
            MerkleLog.rootsFromConsistency(question.oldSize, question.newSize, seed, path);
        _requireRoot(question.oldRoot, oldRoot);
        _requireRoot(question.newRoot, newRoot);
        --bond.openChallenges;
        emit Answered(id, msg.sender, asked.value);
        _settle(asked, ChallengeState.Answered, msg.sender);
    }

    /**
     * @notice Ends a challenge that nobody answered in time: the bond is slashed, the challenger is the reporter and
     * gets its challenge bond back. Of a bond that was slashed for something else, only the latter.
     */
    function timeout(Question calldata question) external {
        (bytes32 id, Challenge storage asked, Bond storage bond) = _open(question);
        if (bond.status != Status.Slashed) {
            if (block.timestamp <= asked.deadline) revert TooEarly(asked.deadline + 1);
            _slash(
                question.logId,
                question.operator,
                bond,
                Evidence.UnansweredChallenge,
                asked.challenger,
                REWARD_PERCENT
            );
        }
        --bond.openChallenges;
        emit ChallengeClosed(id, asked.challenger, asked.value);
        _settle(asked, ChallengeState.Closed, asked.challenger);
    }

    /// @notice The least value of a challenge at this block's gas price.
    function challengeBond() public view returns (uint256) {
        uint256 answers = 10 * ANSWER_GAS_MAX * block.basefee;
        return answers > minimumChallengeBond ? answers : minimumChallengeBond;
    }

    function challengeId(Question memory question) public pure returns (bytes32) {
        return keccak256(abi.encode(question));
    }

    function challengeOf(bytes32 id) external view returns (Challenge memory) {
        return _challenges[id];
    }

    function _open(Question calldata question)
        private
        view
        returns (bytes32 id, Challenge storage asked, Bond storage bond)
    {
        id = challengeId(question);
        asked = _challenges[id];
        if (asked.state != ChallengeState.Open) revert NoOpenChallenge(id);
        (, bond) = _bondUnder(question.logId, question.operator);
    }

    function _settle(Challenge storage asked, ChallengeState state, address payee) private {
        owed[payee] += asked.value;
        asked.state = state;
    }
}
