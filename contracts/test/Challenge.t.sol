// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MerkleLog} from "../MerkleLog.sol";
import {BondTest} from "./BondTest.sol";
import {ReferenceTree} from "./ReferenceTree.sol";
import {vm} from "./Vm.sol";

/// @notice Challenges: what they cost, who may answer until when, and what silence costs.
contract ChallengeTest is BondTest {
    address private constant ANSWERER = address(0x0C0000);
    bytes32[] private all;

    function setUp() public override {
        super.setUp();
        all = ReferenceTree.leaves(1, 0, 40, 40);
    }

    function testFuzz_an_honest_operator_can_answer_every_challenge(uint256 pick) public {
        uint64 newSize = between(pick, 2, 40);
        uint64 oldSize = between(pick >> 64, 1, newSize - 1);
        Question memory question = ask(oldSize, newSize, 0.02 ether);
        vm.warp(block.timestamp + between(pick >> 128, 0, 7 days));
        (bytes32 start, bytes32[] memory path) = ReferenceTree.consistency(all, oldSize, newSize);
        vm.prank(ANSWERER);
        bond.answer(question, start, path);
        require(bond.owed(ANSWERER) == 0.02 ether, "pay");
        require(bond.bondOf(LOG, operator).openChallenges == 0, "open");
        expectStatus(Status.Active);
        // The same question is answered for good, and nothing is left of it to time out.
        SignedCheckpoint memory older = headOf(all, oldSize);
        SignedCheckpoint memory newer = headOf(all, newSize);
        vm.prank(REPORTER);
        vm.expectPartialRevert(AlreadyChallenged.selector);
        bond.challenge{value: 1 ether}(LOG, older, newer);
        vm.warp(block.timestamp + 30 days);
        vm.expectPartialRevert(NoOpenChallenge.selector);
        bond.timeout(question);
        vm.expectPartialRevert(NoOpenChallenge.selector);
        bond.answer(question, start, path);
    }

    function testFuzz_no_proof_answers_for_a_fork(uint256 pick, bytes32 junk) public {
        bytes32[] memory fork = ReferenceTree.leaves(1, 2, between(pick >> 192, 0, 9), 40);
        SignedCheckpoint memory older = headOf(all, 10);
        SignedCheckpoint memory newer = headOf(fork, 33);
        Question memory question = askHeads(older, newer, 1 ether);
        (bytes32 start, bytes32[] memory path) = ReferenceTree.consistency(fork, 10, 33);
        refusesAnswer(question, start, path);
        (start, path) = ReferenceTree.consistency(all, 10, 33);
        refusesAnswer(question, start, path);
        path[pick % path.length] = junk;
        refusesAnswer(question, start, path);
    }

    function test_silence_costs_the_stake_and_pays_the_challenger() public {
        Question memory question = ask(10, 33, 0.5 ether);
        uint256 deadline = block.timestamp + 7 days;
        vm.warp(deadline);
        vm.expectRevert(abi.encodeWithSelector(TooEarly.selector, deadline + 1));
        bond.timeout(question);
        vm.warp(deadline + 1);
        (bytes32 start, bytes32[] memory path) = ReferenceTree.consistency(all, 10, 33);
        vm.expectRevert(abi.encodeWithSelector(TooLate.selector, deadline));
        bond.answer(question, start, path);
        bond.timeout(question);
        expectStatus(Status.Slashed);
        require(bond.owed(REPORTER) == STAKE / 20 + 0.5 ether, "reward");
        vm.expectPartialRevert(NoOpenChallenge.selector);
        bond.timeout(question);
        bond.claim(payable(REPORTER));
        bond.burn(LOG, operator);
        require(address(bond).balance == 0, "left over");
    }

    function test_several_run_at_once_and_one_slash_settles_all() public {
        Question memory first = ask(10, 33, 0.1 ether);
        Question memory second = ask(11, 33, 0.2 ether);
        require(bond.bondOf(LOG, operator).openChallenges == 2, "open");
        bond.slashSameSize(LOG, head(3, "a"), head(3, "b"), UNPAID);
        (bytes32 start, bytes32[] memory path) = ReferenceTree.consistency(all, 10, 33);
        vm.expectRevert(abi.encodeWithSelector(WrongStatus.selector, Status.Slashed));
        bond.answer(first, start, path);
        bond.timeout(first);
        bond.timeout(second);
        require(bond.owed(REPORTER) == 0.3 ether, "returned, without a second reward");
        bond.claim(payable(REPORTER));
        bond.burn(LOG, operator);
        require(address(bond).balance == 0, "left over");
    }

    function test_an_open_challenge_holds_the_stake() public {
        SignedCheckpoint memory finalHead = head(50, "final");
        vm.prank(OWNER);
        bond.requestExit(LOG, finalHead);
        uint256 exitAt = block.timestamp + 21 days;
        vm.warp(exitAt - 7 days);
        Question memory question = ask(10, 33, 0.1 ether);
        vm.warp(exitAt);
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(ChallengesOpen.selector, 1));
        bond.withdraw(LOG, operator);
        (bytes32 start, bytes32[] memory path) = ReferenceTree.consistency(all, 10, 33);
        bond.answer(question, start, path);
        vm.prank(OWNER);
        bond.withdraw(LOG, operator);
        expectStatus(Status.Withdrawn);
    }

    function testFuzz_no_challenge_outlasts_an_exit(uint256 pick) public {
        SignedCheckpoint memory finalHead = head(50, "final");
        vm.prank(OWNER);
        bond.requestExit(LOG, finalHead);
        uint256 exitAt = block.timestamp + 21 days;
        vm.warp(exitAt - 7 days + 1 + between(pick, 0, 30 days));
        SignedCheckpoint memory older = headOf(all, 10);
        SignedCheckpoint memory newer = headOf(all, 33);
        vm.prank(REPORTER);
        vm.expectRevert(abi.encodeWithSelector(TooLate.selector, exitAt - 7 days));
        bond.challenge{value: 1 ether}(LOG, older, newer);
    }

    function test_a_challenge_needs_two_ascending_heads_of_a_live_bond() public {
        SignedCheckpoint memory older = headOf(all, 10);
        SignedCheckpoint memory newer = headOf(all, 33);
        vm.deal(address(this), 10 ether);
        vm.expectPartialRevert(MerkleLog.SizesNotAscending.selector);
        bond.challenge{value: 1 ether}(LOG, newer, older);
        vm.expectPartialRevert(MerkleLog.SizesNotAscending.selector);
        bond.challenge{value: 1 ether}(LOG, newer, newer);
        SignedCheckpoint memory foreign = signedBy(0xC, 33, "root");
        vm.expectPartialRevert(NotRegistered.selector);
        bond.challenge{value: 1 ether}(LOG, older, foreign);
        bond.slashSameSize(LOG, head(3, "a"), head(3, "b"), UNPAID);
        vm.expectRevert(abi.encodeWithSelector(WrongStatus.selector, Status.Slashed));
        bond.challenge{value: 1 ether}(LOG, older, newer);
    }

    function testFuzz_a_challenge_pays_ten_answers(uint64 basefee) public {
        basefee = basefee % 1000 gwei;
        vm.fee(basefee);
        uint256 answers = 10 * bond.ANSWER_GAS_MAX() * uint256(basefee);
        uint256 minimum = answers > 0.01 ether ? answers : 0.01 ether;
        require(bond.challengeBond() == minimum, "minimum");
        SignedCheckpoint memory older = headOf(all, 10);
        SignedCheckpoint memory newer = headOf(all, 33);
        vm.prank(REPORTER);
        vm.expectRevert(abi.encodeWithSelector(ChallengeBondTooSmall.selector, minimum));
        bond.challenge{value: minimum - 1}(LOG, older, newer);
        vm.prank(REPORTER);
        bytes32 id = bond.challenge{value: minimum}(LOG, older, newer);
        require(bond.challengeOf(id).value == minimum, "value");
    }

    function test_a_question_is_kept_under_its_bond_across_rotation() public {
        bytes memory possession = possess(LOG, 0xB0B, OWNER);
        SignedCheckpoint memory closing = headOf(all, 10);
        vm.prank(OWNER);
        bond.rotateSigner(LOG, vm.addr(0xB0B), possession, closing);
        SignedCheckpoint memory newer = signedBy(0xB0B, 33, ReferenceTree.root(all, 33));
        Question memory question = askHeads(closing, newer, 1 ether);
        (bytes32 start, bytes32[] memory path) = ReferenceTree.consistency(all, 10, 33);
        bond.answer(question, start, path);
        expectStatus(Status.Active);
    }

    function ask(uint64 oldSize, uint64 newSize, uint256 value) private returns (Question memory) {
        return askHeads(headOf(all, oldSize), headOf(all, newSize), value);
    }

    function askHeads(SignedCheckpoint memory older, SignedCheckpoint memory newer, uint256 value)
        private
        returns (Question memory question)
    {
        vm.prank(REPORTER);
        bytes32 id = bond.challenge{value: value}(LOG, older, newer);
        question = Question(LOG, operator, older.size, older.root, newer.size, newer.root);
        require(bond.challengeId(question) == id, "id");
        require(bond.challengeOf(id).state == ChallengeState.Open, "open");
    }

    function refusesAnswer(Question memory question, bytes32 start, bytes32[] memory path) private {
        vm.expectPartialRevert(RootMismatch.selector);
        bond.answer(question, start, path);
    }
}
