// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SequencerBond} from "../SequencerBond.sol";
import {BondTest} from "./BondTest.sol";
import {vm} from "./Vm.sol";

/// @notice Registration, rotation, anchors, exit and withdrawal.
contract RegistryTest is BondTest {
    uint256 private constant NEW_KEY = 0xB0B;

    function test_a_bond_is_what_was_registered() public view {
        Bond memory kept = bond.bondOf(LOG, operator);
        require(kept.owner == OWNER && kept.signer == operator && kept.stake == STAKE, "bond");
        require(kept.status == Status.Active && kept.exitAt == 0 && kept.openChallenges == 0, "state");
        require(bond.operatorOf(LOG, operator) == operator, "operator");
        require(bond.status(LOG, vm.addr(NEW_KEY)) == Status.None, "none");
    }

    function test_possession_names_log_signer_and_owner() public {
        address signer = vm.addr(NEW_KEY);
        bytes memory possession = possess(LOG, NEW_KEY, OWNER);
        vm.prank(REPORTER);
        vm.expectPartialRevert(NotPossessed.selector);
        bond.register{value: STAKE}(LOG, signer, possession);
        vm.prank(OWNER);
        vm.expectPartialRevert(NotPossessed.selector);
        bond.register{value: STAKE}(keccak256("other log"), signer, possession);
        vm.prank(OWNER);
        vm.expectPartialRevert(NotPossessed.selector);
        bond.register{value: STAKE}(LOG, address(0), possession);
        vm.prank(OWNER);
        bond.register{value: STAKE}(LOG, signer, possession);
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(AlreadyRegistered.selector, LOG, signer));
        bond.register{value: STAKE}(LOG, signer, possession);
    }

    function test_registration_has_bounds() public {
        bytes memory possession = possess(LOG, NEW_KEY, OWNER);
        address signer = vm.addr(NEW_KEY);
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(StakeTooSmall.selector, 1 ether));
        bond.register{value: 1 ether - 1}(LOG, signer, possession);
        vm.prank(OWNER);
        vm.expectRevert(ZeroLogId.selector);
        bond.register{value: 1 ether}(0, signer, possession);
    }

    function test_anyone_may_top_up_a_live_bond() public {
        vm.prank(REPORTER);
        bond.topUp{value: 2 ether}(LOG, operator);
        require(bond.bondOf(LOG, operator).stake == STAKE + 2 ether, "stake");
        vm.expectRevert(abi.encodeWithSelector(StakeTooSmall.selector, 1));
        bond.topUp(LOG, operator);
        vm.prank(REPORTER);
        vm.expectPartialRevert(NotRegistered.selector);
        bond.topUp{value: 1}(LOG, vm.addr(NEW_KEY));
        slash();
        vm.prank(REPORTER);
        vm.expectRevert(abi.encodeWithSelector(WrongStatus.selector, Status.Slashed));
        bond.topUp{value: 1}(LOG, operator);
    }

    function test_ether_enters_through_its_functions_only() public {
        vm.prank(OWNER);
        (bool done,) = address(bond).call{value: 1}("");
        require(!done, "plain transfer");
    }

    function test_rotation_puts_a_second_signer_under_the_bond() public {
        bytes memory possession = possess(LOG, NEW_KEY, OWNER);
        SignedCheckpoint memory closing = head(7, "closing");
        vm.expectRevert(abi.encodeWithSelector(NotOwner.selector, OWNER));
        bond.rotateSigner(LOG, vm.addr(NEW_KEY), possession, closing);
        vm.prank(OWNER);
        bond.rotateSigner(LOG, vm.addr(NEW_KEY), possession, closing);
        Bond memory kept = bond.bondOf(LOG, vm.addr(NEW_KEY));
        require(kept.signer == vm.addr(NEW_KEY) && kept.stake == STAKE && kept.anchoredSize == 7, "bond");
        require(bond.operatorOf(LOG, vm.addr(NEW_KEY)) == operator, "operator");
        // The key that stepped back cannot rotate again, and no key stands under a bond twice.
        bytes memory third = possess(LOG, 0xC, OWNER);
        SignedCheckpoint memory later = head(8, "later");
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(NotTheNewestSigner.selector, operator));
        bond.rotateSigner(LOG, vm.addr(0xC), third, later);
        bytes memory back = possess(LOG, KEY, OWNER);
        later = signedBy(NEW_KEY, 8, "later");
        vm.prank(OWNER);
        vm.expectPartialRevert(AlreadyRegistered.selector);
        bond.rotateSigner(LOG, operator, back, later);
    }

    function test_rotation_needs_the_new_key_and_an_active_bond() public {
        SignedCheckpoint memory closing = head(7, "closing");
        bytes memory foreign = possess(LOG, 0xC, OWNER);
        vm.prank(OWNER);
        vm.expectPartialRevert(NotPossessed.selector);
        bond.rotateSigner(LOG, vm.addr(NEW_KEY), foreign, closing);
        requestExit(7, "closing");
        bytes memory possession = possess(LOG, NEW_KEY, OWNER);
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(WrongStatus.selector, Status.Exiting));
        bond.rotateSigner(LOG, vm.addr(NEW_KEY), possession, closing);
    }

    function test_the_largest_anchored_head_is_kept_with_its_time() public {
        bond.anchor(LOG, head(7, "seven"));
        uint256 time = block.timestamp;
        vm.warp(time + 100);
        bond.anchor(LOG, head(7, "seven"));
        Bond memory kept = bond.bondOf(LOG, operator);
        require(kept.anchoredSize == 7 && kept.anchoredRoot == "seven" && kept.anchoredAt == time, "anchor");
        SignedCheckpoint memory smaller = head(6, "six");
        vm.expectRevert(abi.encodeWithSelector(OlderThanAnchor.selector, 7, bytes32("seven")));
        bond.anchor(LOG, smaller);
        SignedCheckpoint memory fork = head(7, "fork");
        vm.expectRevert(abi.encodeWithSelector(OlderThanAnchor.selector, 7, bytes32("seven")));
        bond.anchor(LOG, fork);
        SignedCheckpoint memory unsigned = signedBy(NEW_KEY, 8, "eight");
        vm.expectPartialRevert(NotRegistered.selector);
        bond.anchor(LOG, unsigned);
    }

    function test_nothing_is_anchored_once_the_stake_has_left() public {
        requestExit(7, "final");
        bond.anchor(LOG, head(8, "later"));
        vm.warp(block.timestamp + 21 days);
        vm.prank(OWNER);
        bond.withdraw(LOG, operator);
        SignedCheckpoint memory forged = head(9, "forged");
        vm.expectRevert(abi.encodeWithSelector(WrongStatus.selector, Status.Withdrawn));
        bond.anchor(LOG, forged);
    }

    function test_exit_anchors_the_final_head_and_waits() public {
        SignedCheckpoint memory finalHead = head(7, "final");
        vm.expectRevert(abi.encodeWithSelector(NotOwner.selector, OWNER));
        bond.requestExit(LOG, finalHead);
        requestExit(7, "final");
        Bond memory kept = bond.bondOf(LOG, operator);
        uint64 exitAt = uint64(block.timestamp) + 21 days;
        require(kept.status == Status.Exiting && kept.exitAt == exitAt && kept.anchoredSize == 7, "exiting");
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(WrongStatus.selector, Status.Exiting));
        bond.requestExit(LOG, finalHead);
        vm.warp(exitAt - 1);
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(TooEarly.selector, exitAt));
        bond.withdraw(LOG, operator);
        vm.warp(exitAt);
        vm.expectRevert(abi.encodeWithSelector(NotOwner.selector, OWNER));
        bond.withdraw(LOG, operator);
        uint256 before = OWNER.balance;
        vm.prank(OWNER);
        bond.withdraw(LOG, operator);
        require(OWNER.balance - before == STAKE && address(bond).balance == 0, "paid");
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(WrongStatus.selector, Status.Withdrawn));
        bond.withdraw(LOG, operator);
    }

    function test_the_final_head_is_not_older_than_an_anchor() public {
        bond.anchor(LOG, head(9, "nine"));
        SignedCheckpoint memory stale = head(8, "eight");
        vm.prank(OWNER);
        vm.expectPartialRevert(OlderThanAnchor.selector);
        bond.requestExit(LOG, stale);
    }

    function testFuzz_a_cancelled_exit_waits_the_whole_delay_again(uint256 pick) public {
        requestExit(7, "final");
        vm.expectRevert(abi.encodeWithSelector(NotOwner.selector, OWNER));
        bond.cancelExit(LOG, operator);
        vm.warp(block.timestamp + between(pick, 0, 100 days));
        vm.prank(OWNER);
        bond.cancelExit(LOG, operator);
        require(bond.bondOf(LOG, operator).exitAt == 0, "exitAt");
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(WrongStatus.selector, Status.Active));
        bond.withdraw(LOG, operator);
        requestExit(7, "final");
        vm.warp(block.timestamp + between(pick >> 64, 0, 21 days - 1));
        vm.prank(OWNER);
        vm.expectPartialRevert(TooEarly.selector);
        bond.withdraw(LOG, operator);
    }

    function testFuzz_a_stake_in_exit_stays_slashable_until_it_left(uint256 pick) public {
        requestExit(7, "final");
        vm.warp(block.timestamp + between(pick, 0, 365 days));
        slash();
        vm.warp(block.timestamp + 365 days);
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(WrongStatus.selector, Status.Slashed));
        bond.withdraw(LOG, operator);
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(WrongStatus.selector, Status.Slashed));
        bond.cancelExit(LOG, operator);
    }

    function test_slashed_and_withdrawn_are_final_for_a_signer() public {
        slash();
        bytes memory possession = possess(LOG, KEY, OWNER);
        vm.prank(OWNER);
        vm.expectPartialRevert(AlreadyRegistered.selector);
        bond.register{value: STAKE}(LOG, operator, possession);
    }

    function test_a_withdrawn_stake_cannot_be_slashed() public {
        requestExit(7, "final");
        vm.warp(block.timestamp + 21 days);
        vm.prank(OWNER);
        bond.withdraw(LOG, operator);
        SignedCheckpoint memory a = head(7, "a");
        SignedCheckpoint memory b = head(7, "b");
        vm.expectRevert(abi.encodeWithSelector(WrongStatus.selector, Status.Withdrawn));
        bond.slashSameSize(LOG, a, b, UNPAID);
        vm.expectRevert(abi.encodeWithSelector(WrongStatus.selector, Status.Withdrawn));
        bond.burn(LOG, operator);
    }

    function test_parameters_that_let_a_cheater_escape_are_refused() public {
        Parameters memory p = parameters();
        p.minimumStake = 0;
        refuses(p, "minimumStake");
        p = parameters();
        p.minimumChallengeBond = 0;
        refuses(p, "minimumChallengeBond");
        p = parameters();
        p.evidenceWindow = 7 days - 1;
        refuses(p, "evidenceWindow");
        p = parameters();
        p.answerWindow = 7 days - 1;
        refuses(p, "answerWindow");
        p = parameters();
        p.forceInclusion = 6 days;
        refuses(p, "answerWindow");
        p = parameters();
        p.forceInclusion = type(uint64).max;
        refuses(p, "forceInclusion");
        p = parameters();
        p.exitDelay = 21 days - 1;
        refuses(p, "exitDelay");
        p = parameters();
        p.exitDelay = 365 days + 1;
        refuses(p, "exitDelay");
    }

    function testFuzz_an_exit_outlasts_window_inclusion_and_margin(uint64 exit, uint64 evidence, uint64 ans, uint64 inc)
        public
    {
        Parameters memory p = parameters();
        (p.exitDelay, p.evidenceWindow) = (exit % 400 days, evidence % 100 days);
        (p.answerWindow, p.forceInclusion) = (ans % 60 days, inc % 60 days);
        try new SequencerBond(p) {
            require(p.exitDelay > p.evidenceWindow + p.forceInclusion + 1 days, "exit delay");
            require(p.exitDelay - p.answerWindow >= p.evidenceWindow, "challenges in the evidence window");
            require(p.answerWindow >= 7 days && p.answerWindow > p.forceInclusion + 1 days, "answer window");
        } catch {}
    }

    function refuses(Parameters memory p, string memory name) private {
        vm.expectRevert(abi.encodeWithSelector(ParameterOutOfBounds.selector, name));
        new SequencerBond(p);
    }

    function requestExit(uint64 size, bytes32 root) private {
        SignedCheckpoint memory finalHead = head(size, root);
        vm.prank(OWNER);
        bond.requestExit(LOG, finalHead);
    }

    function slash() private {
        bond.slashSameSize(LOG, head(3, "a"), head(3, "b"), UNPAID);
    }
}
